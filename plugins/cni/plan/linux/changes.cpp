// SPDX-License-Identifier: MIT
#include "plan/changes.hpp"

#include <linux/rtnetlink.h>

#include "netlink/socket.hpp"

namespace k2s::network {
namespace {

using cni::netlink::Socket;

// A pod that comes or goes is a dozen notifications: one look is enough for what comes together.
constexpr std::chrono::milliseconds k_pause{20};
constexpr int k_most_together = 50;

class NetlinkChanges final : public Changes {
  public:
    explicit NetlinkChanges(Socket socket) : socket_(std::move(socket)) {}

    Expected<bool> wait(std::chrono::milliseconds deadline) override {
        const auto any = [](const nlmsghdr *) { return true; };
        auto changed = socket_.wait(any, deadline);
        if (!changed) {
            return cni::as_error(changed.error());
        }
        for (int i = 0; *changed && i < k_most_together; ++i) {
            const auto more = socket_.wait(any, k_pause);
            if (!more || !*more) {
                break;
            }
        }
        return *changed;
    }

  private:
    Socket socket_;
};

} // namespace

Expected<std::unique_ptr<Changes>> Changes::open(const std::string & /*library*/) {
    auto socket = Socket::open(NETLINK_ROUTE);
    if (!socket) {
        return cni::as_error(socket.error());
    }
    for (const unsigned group : {RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
                                 RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE}) {
        if (auto joined = socket->join(group); !joined) {
            return cni::as_error(joined.error());
        }
    }
    return std::make_unique<NetlinkChanges>(std::move(*socket));
}

} // namespace k2s::network
