// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "spec/request.hpp"
#include "spec/result.hpp"

namespace k2s::cni {

/// Who the container is, as kubelet says it in CNI_ARGS. Both may be empty.
struct Pod {
    std::string name, name_space;
};

/// The options of sdnbridge and of K2s' bridge.
struct BridgeConfig {
    std::string network_type; // of HCN: "L2Bridge", "NAT", "Overlay"
    std::string ipam_type;    // empty: HNS chooses the address
    bool local_routed_port_mapping = false, acl_port_mapping = false;
    bool force_bridge_gateway = false, loopback_dsr = false, dual_stack = false;
    bool gateway_from_additional_routes = false;
    std::vector<Route> additional_routes;
    std::vector<Prefix> subnets;            // of a network that has to be made
    std::optional<Address> network_gateway; // its gateway, when "ipam" has a route with one
    Json network_policies = Json::array(), endpoint_policies = Json::array();
    std::string mac; // as HCN has it: 00-15-5D-01-02-03
    Dns dns;
    Pod pod;
};

Result<BridgeConfig> read_bridge_config(const Request &request);

} // namespace k2s::cni
