// SPDX-License-Identifier: MIT
#pragma once

#include <k2s/sdk/command.hpp>
#include <k2s/sdk/host.hpp>

#include "vfprules/vfprules.hpp"

namespace k2s::vfprules {

/// Runs the command `vfprules`.
Status run_command(const Invocation &call, const Host &host);

/// A runner on the host's k2s.process.
Runner runner_of(const Host &host);

} // namespace k2s::vfprules
