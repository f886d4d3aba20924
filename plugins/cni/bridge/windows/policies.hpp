// SPDX-License-Identifier: MIT
#pragma once

#include "bridge/windows/config.hpp"

namespace k2s::cni {

/// Endpoint policies of runtimeConfig.portMappings.
Result<Json> port_mapping_policies(const Json &mappings, const BridgeConfig &config);

/// Keeps HNS from translating what a pod sends to itself through a service.
Json loopback_policy(const Address &address);

constexpr const char *k_mesh_policy = "L4WFPPROXY";
/// What redirects a pod's connections to the mesh's proxies; `settings` are the mesh's.
Json mesh_request(const Json &settings);

} // namespace k2s::cni
