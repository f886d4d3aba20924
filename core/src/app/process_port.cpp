// SPDX-License-Identifier: MIT
#include "app/process_port.hpp"

#include "process/process.hpp"
#include "util/path.hpp"

namespace k2s::core {

Result<ProcessOutcome> run_process(const ProcessRequest &request) {
    process::Spec spec;
    spec.program = path_from_utf8(request.argv.front());
    spec.arguments.assign(request.argv.begin() + 1, request.argv.end());
    for (const auto &variable : request.env) {
        const auto equals = variable.find('=');
        if (equals == std::string::npos) {
            spec.unset_environment.push_back(variable);
        } else {
            spec.set_environment.emplace_back(variable.substr(0, equals),
                                              variable.substr(equals + 1));
        }
    }
    spec.directory = path_from_utf8(request.directory);
    spec.input = request.input;
    if (request.out) {
        spec.out = process::Output::deliver(request.out, request.output_limit, true);
    }
    if (request.err) {
        spec.err = process::Output::deliver(request.err, request.output_limit, true);
    }
    spec.deadline = request.deadline;
    auto outcome = process::run(std::move(spec));
    if (!outcome) {
        return pass(outcome);
    }
    if (outcome->end == process::End::OutputLimit) {
        return fail(K2S_E_NO_MEMORY, "{} wrote more than {} bytes", request.argv.front(),
                    request.output_limit);
    }
    return ProcessOutcome{outcome->exit_code, outcome->signal,
                          outcome->end == process::End::Deadline};
}

} // namespace k2s::core
