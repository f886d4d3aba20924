// SPDX-License-Identifier: MIT
#pragma once

#include <k2s/sdk/host.hpp>

#include "bridge/bridge.hpp"

namespace k2s::cni {

/// How this system's bridge is connected with the host. `run` starts programs.
Bridge::Options bridge_options(const Host &host, const Runner &run);

} // namespace k2s::cni
