// SPDX-License-Identifier: MIT
#include "command.hpp"

#include <array>
#include <string>

#include <k2s/abi/process.h>

#include "bridge/program.hpp"
#include "bridge_options.hpp"
#include "spec/verbs.hpp"

namespace k2s::cni {
namespace {

// More than a configuration may have, so that its writer is not cut off before it hears why.
constexpr std::size_t k_longest_input = 16 << 20;

} // namespace

std::string environment(const Host &host, std::string_view name) {
    std::string value;
    const auto *stdio = host.find<k2s_stdio>(K2S_STDIO_ID);
    const k2s_sink sink = Host::string_sink(value);
    if (stdio == nullptr || stdio->environment(host.get(), to_abi(name), &sink) < 0) {
        value.clear();
    }
    return value;
}

namespace {

Result<std::string> standard_input(const Host &host) {
    const auto *stdio = host.find<k2s_stdio>(K2S_STDIO_ID);
    if (stdio == nullptr) {
        return fail(k_io_failure, "the host does not give standard input");
    }
    std::string input;
    std::array<uint8_t, 16384> buffer{};
    while (input.size() < k_longest_input) {
        const int64_t got = stdio->read(host.get(), buffer.data(), buffer.size());
        if (got < 0) {
            return fail(got == K2S_E_CANCELLED ? k_try_later : k_io_failure,
                        "error reading the network configuration from standard input");
        }
        if (got == 0) {
            break;
        }
        input.append(reinterpret_cast<const char *>(buffer.data()), static_cast<std::size_t>(got));
    }
    return input;
}

Result<Finished> run_program(const Host &host, const Invocation &call, const Program &program) {
    const auto *process = host.find<k2s_process>(K2S_PROCESS_ID);
    if (process == nullptr) {
        return fail(k_internal, "the host does not start programs");
    }
    const auto texts = [](const std::vector<std::string> &list) {
        std::vector<k2s_str> result;
        for (const auto &text : list) {
            result.push_back(to_abi(text));
        }
        return result;
    };
    const auto argv = texts(program.argv), variables = texts(program.environment);
    Finished finished;
    const k2s_sink out = Host::string_sink(finished.output);
    const k2s_sink err = Host::string_sink(finished.error);
    k2s_process_spec spec{};
    spec.struct_size = sizeof(spec);
    spec.argv = argv.data();
    spec.argc = argv.size();
    spec.env = variables.data();
    spec.env_count = variables.size();
    spec.input = to_bytes(program.input);
    spec.out = &out;
    spec.err = &err;
    k2s_process_result result{};
    result.struct_size = sizeof(result);
    k2s_error error = make_error();
    const int32_t status = process->run(host.get(), &spec, &result, &error);
    call.err(finished.error);
    if (status < 0) {
        return fail(status == K2S_E_TIMEOUT ? k_try_later : k_internal, "cannot run '{}': {}",
                    program.argv.front(), to_error(status, error).message);
    }
    finished.exit_code =
        result.signal != 0 ? 128 + static_cast<int>(result.signal) : result.exit_code;
    return finished;
}

} // namespace

Status run_command(const Invocation &call, const Host &host) {
    const Surroundings surroundings{
        [&](std::string_view name) { return environment(host, name); },
        [&] { return standard_input(host); },
    };
    const auto about = [&](const char *name) {
        return fmt::format("CNI {} plugin v{}", name, host.version());
    };
    Shown shown;
    if (call.command() == "bridge") {
        const Runner run = [&](const Program &program) { return run_program(host, call, program); };
        const Bridge bridge(bridge_options(host, run));
        shown = dispatch(surroundings, verbs_of(bridge, about("bridge")));
    } else {
        const HostLocal host_local;
        shown = dispatch(surroundings, verbs_of(host_local, about("host-local")));
    }
    call.err(shown.error);
    if (!shown.output.empty() && !call.out(shown.output)) {
        return K2S_E_IO;
    }
    return shown.exit_code;
}

} // namespace k2s::cni
