// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "netlink/socket.hpp"
#include "spec/result.hpp"

namespace k2s::cni::netlink {

/// A link-layer address. As text: 02:42:ac:11:00:02.
struct Mac {
    std::array<uint8_t, 6> bytes{};

    static std::optional<Mac> parse(std::string_view text);
    /// Unicast, locally administered.
    static Mac random();
    std::string text() const;
    bool operator==(const Mac &) const = default;
};

/// What the kernel says of an interface, as far as it is of interest here.
struct Link {
    uint32_t index = 0, peer = 0, master = 0, mtu = 0, flags = 0, promiscuity = 0;
    uint8_t operstate = 0;       // IF_OPER_*
    bool peer_elsewhere = false; // `peer` is an index of another network namespace
    Mac mac;
    std::string name, kind, alias;
    std::optional<bool> vlan_filtering;    // of a bridge
    std::optional<bool> hairpin, isolated; // of a bridge's port
};

Link read_link(const nlmsghdr *message);

/// nullopt: there is none.
Result<std::optional<Link>> find_link(Socket &socket, const std::string &name);
Result<std::optional<Link>> find_link(Socket &socket, uint32_t index);
/// The ports of a bridge, or all with master 0.
Result<std::vector<Link>> list_links(Socket &socket, uint32_t master);

/// An interface's address.
struct LinkAddress {
    uint32_t index = 0;
    Prefix prefix;
    uint32_t flags = 0; // IFA_F_*
};
std::optional<LinkAddress> read_address(const nlmsghdr *message);
/// Those of an interface, or all with index 0.
Result<std::vector<LinkAddress>> list_addresses(Socket &socket, uint32_t index);

/// A unicast route of any table; index 0: no or several outgoing interfaces.
struct KernelRoute {
    Prefix destination;
    std::optional<Address> gateway;
    uint32_t index = 0, table = 0, priority = 0;
};
/// nullopt: no unicast route.
std::optional<KernelRoute> read_route(const nlmsghdr *message);
Result<std::vector<KernelRoute>> list_routes(Socket &socket, bool v4);

/// VLAN ids of a bridge's port: first and last of each range, and its BRIDGE_VLAN_INFO_* flags.
struct PortVlan {
    uint16_t id = 0, flags = 0;
};
/// Appends those of the interface with this index.
void read_port_vlans(const nlmsghdr *message, uint32_t index, std::vector<PortVlan> &vlans);
Result<std::vector<PortVlan>> list_port_vlans(Socket &socket, uint32_t index);

} // namespace k2s::cni::netlink
