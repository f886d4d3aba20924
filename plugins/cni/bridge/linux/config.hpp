// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "netlink/link.hpp"
#include "spec/request.hpp"
#include "spec/result.hpp"

namespace k2s::cni {

/// The options of the reference bridge 1.9.1.
struct BridgeConfig {
    std::string bridge = "cni0";
    std::string ipam_type; // empty: layer 2 only
    bool gateway = false, default_gateway = false, force_address = false;
    bool masquerade = false;
    std::string masquerade_backend; // "nftables", "iptables"
    uint32_t mtu = 0;               // 0: the kernel's
    bool hairpin = false, promiscuous = false, port_isolation = false;
    uint16_t vlan = 0;
    std::vector<uint16_t> trunk; // VLAN ids, sorted
    bool filters_vlans = false, preserve_default_vlan = false;
    bool spoof_check = false, enable_dad = false, disable_container_interface = false;
    std::optional<netlink::Mac> mac;
    Dns dns;

    bool layer3() const { return !ipam_type.empty(); }
};

/// The interface that has the gateway's addresses: the bridge, or with a VLAN one plugged into it.
std::string gateway_name(const BridgeConfig &config);

Result<BridgeConfig> read_bridge_config(const Request &request);

} // namespace k2s::cni
