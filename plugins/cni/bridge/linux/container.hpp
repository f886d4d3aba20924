// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "bridge/linux/config.hpp"
#include "netlink/netns.hpp"
#include "spec/result.hpp"

namespace k2s::cni {

/// The container's end of a pair. The socket belongs to its namespace.
class ContainerEnd {
  public:
    ContainerEnd(netlink::Socket &socket, std::string name, uint32_t index)
        : socket_(socket), name_(std::move(name)), index_(index) {}

    /// Without addresses: up is all there is.
    Result<void> set_up();
    /// Addresses and routes, then up. The thread has to be in the namespace (for /proc/sys).
    Result<void> configure(const Attachment &attachment, bool duplicate_detection);

  private:
    Result<void> prepare(bool v6, bool duplicate_detection);
    Result<void> wait_for_addresses();
    void put_up(netlink::Batch &batch);
    void put_route(netlink::Batch &batch, const Route &route, const Attachment &attachment);

    netlink::Socket &socket_;
    std::string name_;
    uint32_t index_;
};

} // namespace k2s::cni
