// SPDX-License-Identifier: MIT
#include <netinet/in.h> // before <linux/netfilter.h>, which would define the same

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "netlink/attributes.hpp"
#include "netlink/socket.hpp"
#include "vfprules/backend.hpp"
#include "vfprules/linux/table.hpp"

namespace k2s::vfprules {
namespace {

constexpr std::chrono::milliseconds k_look_again{500}; // whether it is cancelled

bool is_loss(const nlmsghdr *message) {
    if (message == nullptr) {
        return true; // notifications were lost
    }
    if (message->nlmsg_type != ((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_DELTABLE)) {
        return false;
    }
    bool ours = false;
    cni::netlink::each(message, sizeof(nfgenmsg), [&](uint16_t type, const nlattr *attribute) {
        ours = ours || (type == NFTA_TABLE_NAME && cni::netlink::text_of(attribute) == k_table);
    });
    return ours;
}

class TableWatch final : public LossWatch {
  public:
    explicit TableWatch(cni::netlink::Socket socket) : socket_(std::move(socket)) {}

    Expected<bool> wait(const std::function<bool()> &cancelled) override {
        for (;;) {
            auto lost = socket_.wait(is_loss, k_look_again);
            if (!lost) {
                return cni::as_error(lost.error());
            }
            if (*lost || cancelled()) {
                return *lost;
            }
        }
    }

  private:
    cni::netlink::Socket socket_;
};

} // namespace

Expected<std::unique_ptr<LossWatch>> LossWatch::open() {
    auto socket = cni::netlink::Socket::open(NETLINK_NETFILTER);
    auto joined = socket ? socket->join(NFNLGRP_NFTABLES) : cni::Result<void>();
    if (!socket || !joined) {
        return cni::as_error(socket ? joined.error() : socket.error());
    }
    return std::make_unique<TableWatch>(std::move(*socket));
}

} // namespace k2s::vfprules
