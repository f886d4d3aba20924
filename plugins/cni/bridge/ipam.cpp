// SPDX-License-Identifier: MIT
#include "bridge/ipam.hpp"

namespace k2s::cni {
namespace {

constexpr std::size_t k_quoted = 500;
#if defined(_WIN32)
constexpr const char *k_exe_suffix = ".exe";
#else
constexpr const char *k_exe_suffix = "";
#endif

/// What a plugin that failed says of it.
Failure failure_of(const std::string &program, const Ended &ended) {
    const Json said = Json::parse(ended.out, nullptr, false);
    if (said.is_object() && said.contains("msg") && said["msg"].is_string()) {
        Failure failure{k_internal, said["msg"].get<std::string>(), {}};
        if (said.contains("code") && said["code"].is_number_unsigned()) {
            failure.code = said["code"].get<unsigned>();
        }
        if (said.contains("details") && said["details"].is_string()) {
            failure.details = said["details"].get<std::string>();
        }
        return failure;
    }
    return {k_internal, fmt::format("'{}' failed with exit code {}", program, ended.exit_code),
            ended.err.substr(0, k_quoted)};
}

} // namespace

Result<Ipam> Ipam::choose(const Options &options, const std::string &type, const Request &request) {
    if (type.find_first_of("/\\:") != std::string::npos || type == "..") {
        return fail(k_bad_config, "\"type\" of \"ipam\" is \"{}\", but has to be a plugin's name",
                    type);
    }
    const auto found = find_program(type, request.path);
    const auto own = fmt::format("{}/{}{}", options.own_folder, type, k_exe_suffix);
    if (type == "host-local" && !options.always_exec && (!found || same_file(*found, own))) {
        return Ipam(options, {});
    }
    if (!found) {
        return fail(k_bad_config, "failed to find plugin \"{}\" in CNI_PATH {}", type,
                    request.path);
    }
    return Ipam(options, *found);
}

Result<std::string> Ipam::execute(const std::string &command, const Request &request) const {
    auto ended = options_->run({{program_}, {"CNI_COMMAND=" + command}, request.input, 0});
    if (!ended) {
        return pass(ended);
    }
    if (ended->exit_code != 0) {
        return std::unexpected(failure_of(program_, *ended));
    }
    return std::move(ended->out);
}

Result<Attachment> Ipam::add(const Request &request) const {
    if (in_process()) {
        return options_->host_local.add(request);
    }
    auto output = execute("ADD", request);
    if (!output) {
        // The specification: after a delegate that failed to add, it is told to delete.
        (void)execute("DEL", request);
        return pass(output);
    }
    auto json = parse_json(*output, fmt::format("the result of '{}'", program_));
    auto result = json ? attachment_from(*json, fmt::format("the result of '{}'", program_))
                       : Result<Attachment>(pass(json));
    if (result && result->ips.empty()) {
        result = fail(k_internal, "IPAM plugin '{}' returned missing IP config", program_);
    }
    if (!result) {
        (void)execute("DEL", request);
    }
    return result;
}

Result<void> Ipam::call(const std::string &command, const Request &request) const {
    if (in_process()) {
        const HostLocal &own = options_->host_local;
        return command == "DEL"     ? own.del(request)
               : command == "CHECK" ? own.check(request)
               : command == "GC"    ? own.gc(request)
                                    : own.status(request);
    }
    auto output = execute(command, request);
    return output ? Result<void>() : pass(output);
}

} // namespace k2s::cni
