// SPDX-License-Identifier: MIT
#pragma once

#include "options.hpp"
#include "platform.hpp"

namespace k2s::wincat {

/// What ends the process: an exit code and, unless it is 0, why.
struct Outcome {
    int code = 0;
    char message[512] = {};
};

/// Tries the host's addresses one after the other until the time runs out. -1: `outcome` says why.
Socket dial(const Options &options, Outcome &outcome);

/// Copies both ways until both directions have ended or a time ran out. Its threads may still be
/// blocked afterwards, so the process has to end.
Outcome relay(Socket socket, const Options &options);

} // namespace k2s::wincat
