// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include <k2s/sdk/host.hpp>

#include "bridge/bridge.hpp"

namespace k2s::cni {

/// How this system's bridge is connected with the host. `run` starts programs.
Bridge::Options bridge_options(const Host &host, const Runner &run);

/// A variable of the process; empty when it is not set.
std::string environment(const Host &host, std::string_view name);

} // namespace k2s::cni
