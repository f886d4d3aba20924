// SPDX-License-Identifier: MIT
#include "spec/dispatch.hpp"

#include <fmt/ranges.h>

#include "spec/version.hpp"

namespace k2s::cni {
namespace {

constexpr int k_indent = 4;

Shown show(const Failure &failure, const std::string &version) {
    nlohmann::ordered_json json{
        {"cniVersion", version}, {"code", failure.code}, {"msg", failure.message}};
    if (!failure.details.empty()) {
        json["details"] = failure.details;
    }
    return {1, json.dump(k_indent, ' ', false, Json::error_handler_t::replace) + "\n", {}};
}

Result<std::string> perform(const Request &request, const Verbs &verbs) {
    if (request.command == "VERSION") {
        return Json{{"cniVersion", k_versions.back()}, {"supportedVersions", k_versions}}.dump() +
               "\n";
    }
    if (request.command == "ADD") {
        auto result = verbs.add(request);
        return result ? Result<std::string>(result->dump(k_indent) + "\n") : pass(result);
    }
    const auto &verb = request.command == "DEL"     ? verbs.del
                       : request.command == "CHECK" ? verbs.check
                       : request.command == "GC"    ? verbs.gc
                                                    : verbs.status;
    auto done = verb(request);
    return done ? Result<std::string>(std::string()) : pass(done);
}

} // namespace

Shown dispatch(const Surroundings &surroundings, const Verbs &verbs) {
    if (surroundings.environment("CNI_COMMAND").empty()) {
        return {0,
                {},
                fmt::format("{}\nCNI protocol versions supported: {}\n", verbs.about,
                            fmt::join(k_versions, ", "))};
    }
    auto request = read_request(surroundings);
    if (!request) {
        return show(request.error(), std::string(k_versions.back()));
    }
    auto output = perform(*request, verbs);
    return output ? Shown{0, std::move(*output), {}} : show(output.error(), request->version);
}

} // namespace k2s::cni
