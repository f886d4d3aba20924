// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bridge/linux/config.hpp"
#include "bridge/journal.hpp"
#include "netlink/link.hpp"
#include "netlink/netns.hpp"

namespace k2s::cni {

/// The bridge and what is plugged into it, on the host's side.
class Ports {
  public:
    /// `lock_folder` keeps the lock that says that somebody is about to use a bridge.
    Ports(netlink::Socket &socket, const BridgeConfig &config, std::string lock_folder);
    Ports(const Ports &) = delete;
    ~Ports();

    /// The bridge as configured; made when it is not there.
    Result<netlink::Link> ensure_bridge(Journal &journal);

    struct Pair {
        netlink::Link host;
        uint32_t container_index = 0;
        netlink::Mac container_mac;
    };
    /// A pair of interfaces, one end in the bridge, the other one, down, in `netns`.
    struct PairNames {
        std::string host, container;
        std::string alias; // of the host's end: whose it is
    };
    Result<Pair> add_pair(const netlink::Link &bridge, const PairNames &names,
                          const netlink::NetworkNamespace &netns, Journal &journal);

    /// The interface that has the gateway's addresses: the bridge, or with a VLAN one plugged into
    /// it.
    Result<netlink::Link> gateway_interface(const netlink::Link &bridge,
                                            const netlink::NetworkNamespace &own, Journal &journal);
    Result<void> ensure_address(const netlink::Link &link, const Prefix &address, Journal &journal);

    /// Waits for the kernel to say that frames pass through the port.
    Result<void> wait_until_up(const netlink::Link &port);

  private:
    Result<void> create_bridge();
    Result<void> set_vlans(const netlink::Link &port, const std::vector<uint16_t> &trunk);
    void remove_unused_bridge();
    bool unused(const std::string &bridge);

    netlink::Socket &socket_;
    const BridgeConfig &config_;
    std::string lock_folder_;
    int lock_ = -1;
};

/// Adds a request that gives an address to an interface.
void put_address(netlink::Batch &batch, uint32_t index, const Prefix &address, int tolerated);
/// Names a request that deletes an interface, by index or, when that is 0, by name.
void put_delete(netlink::Batch &batch, uint32_t index, const std::string &name);

} // namespace k2s::cni
