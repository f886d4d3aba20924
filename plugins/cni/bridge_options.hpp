// SPDX-License-Identifier: MIT
#pragma once

#include <k2s/sdk/host.hpp>

#include "bridge/bridge.hpp"

namespace k2s::cni {

/// How this system's bridge is connected with the host. `run` starts programs.
Bridge::Options bridge_options(const Host &host, const Runner &run);

/// The rules of vfprules.json in a folder, if there is one and the environment does not forbid it.
PortRules port_rules(const Host &host, const std::string &folder);

} // namespace k2s::cni
