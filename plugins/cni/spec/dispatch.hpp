// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string>

#include "spec/request.hpp"

namespace k2s::cni {

/// The verbs of a plugin. VERSION is answered here.
struct Verbs {
    std::string about; // said on standard error when CNI_COMMAND is not set
    std::function<Result<Json>(const Request &)> add;
    std::function<Result<void>(const Request &)> del, check, gc, status;
};

/// What the process shows. `error` is for a person; the caller of a plugin reads `output`.
struct Shown {
    int exit_code = 0;
    std::string output;
    std::string error;
};

/// Reads the call, runs its verb, and writes result or error object as the specification has it.
Shown dispatch(const Surroundings &surroundings, const Verbs &verbs);

} // namespace k2s::cni
