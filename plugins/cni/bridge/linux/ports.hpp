// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bridge/journal.hpp"
#include "bridge/linux/config.hpp"
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

    /// The bridge as configured; made when it is not there. The journal takes back as well what is
    /// made of the gateway later on, unless others use it by then.
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
                                            const netlink::NetworkNamespace &own);
    Result<void> ensure_address(const netlink::Link &link, const Prefix &address);

    /// Waits for the kernel to say that frames pass through the port.
    Result<void> wait_until_up(const netlink::Link &port);

  private:
    Result<void> create_bridge();
    Result<void> set_vlans(const netlink::Link &port, const std::vector<uint16_t> &trunk);
    Result<void> change_address(const netlink::Link &link, const Prefix &address,
                                std::vector<uint32_t> known);
    void remove_unused_bridge();
    void take_back_shared();

    /// True: no other ADD is under way, and none begins before share(). False: no lock is left.
    bool lock_alone();
    void share();
    /// lock_alone() and the bridge's ports then: pods that do without what this ADD makes next.
    /// None when others are under way, who may come to use it.
    std::vector<uint32_t> lock_and_see();
    Result<std::vector<uint32_t>> plugged();
    /// Nobody is about to use the bridge, and it has no ports but these.
    bool unused(const std::vector<uint32_t> &besides);

    netlink::Socket &socket_;
    const BridgeConfig &config_;
    std::string lock_folder_;
    int lock_ = -1;
    std::vector<std::function<void()>> shared_; // how to take back what others may use
};

/// Adds a request that gives an address to an interface.
void put_address(netlink::Batch &batch, uint32_t index, const Prefix &address, int tolerated);
/// Names a request that deletes an interface, by index or, when that is 0, by name.
void put_delete(netlink::Batch &batch, uint32_t index, const std::string &name);

} // namespace k2s::cni
