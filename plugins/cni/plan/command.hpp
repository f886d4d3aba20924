// SPDX-License-Identifier: MIT
#pragma once

#include <k2s/sdk/command.hpp>
#include <k2s/sdk/host.hpp>

namespace k2s::network {

/// Runs the command `network`.
Status run_command(const Invocation &call, const k2s::Host &host);

} // namespace k2s::network
