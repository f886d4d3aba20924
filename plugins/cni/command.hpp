// SPDX-License-Identifier: MIT
#pragma once

#include <k2s/sdk/command.hpp>
#include <k2s/sdk/host.hpp>

namespace k2s::cni {

/// Runs the command `bridge` or `host-local`. CNI has its own arguments, errors and exit codes, so
/// the result is always a number, and what is printed is the specification's.
Status run_command(const Invocation &call, const Host &host);

} // namespace k2s::cni
