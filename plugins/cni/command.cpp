// SPDX-License-Identifier: MIT
#include "command.hpp"

#include <array>
#include <string>

#include <k2s/sdk/process.hpp>

#include "bridge/program.hpp"
#include "bridge_options.hpp"
#include "spec/verbs.hpp"

namespace k2s::cni {
namespace {

// More than a configuration may have, so that its writer is not cut off before it hears why.
constexpr std::size_t k_longest_input = 16 << 20;

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

/// What it says on standard error is the caller's, too.
Result<Ended> run(const Host &host, const Invocation &call, const Program &program) {
    Ended ended;
    const Status done = run_program(host, program, ended);
    call.err(ended.err);
    if (!done.ok()) {
        return fail(done.value() == K2S_E_TIMEOUT ? k_try_later : k_internal, "cannot run '{}': {}",
                    program.argv.front(), done.message());
    }
    if (ended.signal != 0) {
        ended.exit_code = 128 + static_cast<int>(ended.signal);
    }
    return ended;
}

} // namespace

Status run_command(const Invocation &call, const Host &host) {
    const Surroundings surroundings{
        [&](std::string_view name) { return host.environment(name); },
        [&] { return standard_input(host); },
    };
    const auto about = [&](const char *name) {
        return fmt::format("CNI {} plugin v{}", name, host.version());
    };
    Shown shown;
    if (call.command() == "bridge") {
        const Runner runner = [&](const Program &program) { return run(host, call, program); };
        const Bridge bridge(bridge_options(host, runner));
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
