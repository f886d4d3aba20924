// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <k2s/abi/process.h>
#include <k2s/sdk/host.hpp>

namespace k2s {

struct Program {
    std::vector<std::string> argv;        ///< argv[0]: the absolute path
    std::vector<std::string> environment; ///< "NAME=value" added, "NAME" removed
    std::string input;
    uint64_t deadline_ms = 0; ///< 0: 60 000
};

struct Ended {
    int32_t exit_code = 0; ///< when signal is 0
    uint32_t signal = 0;   ///< Linux: the signal that ended it; Windows: the NTSTATUS of a crash
    std::string out;
    std::string err;
};

/// Runs a program to its end with k2s.process, without a shell. Not ok: it could not be started, or
/// took longer (K2S_E_TIMEOUT; `ended` has what it printed until then). [any-thread, may-block]
inline Status run_program(const Host &host, const Program &program, Ended &ended) {
    const auto *table = host.find<k2s_process>(K2S_PROCESS_ID);
    if (table == nullptr) {
        return Error{K2S_E_UNSUPPORTED, "this host starts no programs"};
    }
    std::vector<k2s_str> argv;
    std::vector<k2s_str> environment;
    for (const auto &word : program.argv) {
        argv.push_back(to_abi(word));
    }
    for (const auto &variable : program.environment) {
        environment.push_back(to_abi(variable));
    }
    const k2s_sink out = Host::string_sink(ended.out);
    const k2s_sink err = Host::string_sink(ended.err);
    k2s_process_spec spec{};
    spec.struct_size = sizeof(spec);
    spec.argv = argv.data();
    spec.argc = argv.size();
    spec.env = environment.data();
    spec.env_count = environment.size();
    spec.input = to_bytes(program.input);
    spec.out = &out;
    spec.err = &err;
    spec.deadline_ms = program.deadline_ms;
    k2s_process_result result{};
    result.struct_size = sizeof(result);
    k2s_error error = make_error();
    const int32_t status = table->run(host.get(), &spec, &result, &error);
    ended.exit_code = result.exit_code;
    ended.signal = result.signal;
    return status < 0 ? Status(to_error(status, error)) : Status();
}

} // namespace k2s
