// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "netlink/link.hpp"
#include "nft/transaction.hpp"
#include "spec/request.hpp"

namespace k2s::cni::nft {

/// macspoofchk: frames that come from a pod under another address than its own are dropped. Table,
/// chains and comments are the reference's; each rule also says its network, for garbage
/// collection.
class SpoofCheck {
  public:
    SpoofCheck(netlink::Socket &socket, std::string network)
        : socket_(socket), network_(std::move(network)) {}

    Result<void> add(const ValidAttachment &attachment, const std::string &host_interface,
                     const netlink::Mac &mac);
    Result<void> remove(const ValidAttachment &attachment);
    Result<void> remove_others(const std::vector<ValidAttachment> &valid);
    Result<void> check(const ValidAttachment &attachment, const std::string &host_interface,
                       const netlink::Mac &mac);

  private:
    Result<void> remove_ids(const std::vector<std::string> &ids);

    netlink::Socket &socket_;
    std::string network_;
};

} // namespace k2s::cni::nft
