// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "nft/transaction.hpp"
#include "spec/request.hpp"

namespace k2s::cni::nft {

/// ipMasq: what leaves a pod for another network gets the address of the interface that it leaves
/// by. Table, chains, rules and comments are those of the reference 1.9.1, so that either removes
/// the other's.
class Masquerade {
  public:
    Masquerade(netlink::Socket &socket, std::string network)
        : socket_(socket), network_(std::move(network)) {}

    Result<void> add(const ValidAttachment &attachment, const std::vector<Prefix> &addresses);
    Result<void> remove(const ValidAttachment &attachment);
    /// Of this network's, all but those of `valid`.
    Result<void> remove_others(const std::vector<ValidAttachment> &valid);
    /// Fails when a rule that `add` makes is missing or changed.
    Result<void> check(const ValidAttachment &attachment, const std::vector<Prefix> &addresses);
    /// The comment of a rule of this attachment; nullopt: it has none.
    Result<std::optional<std::string>> comment_of(const ValidAttachment &attachment);

  private:
    netlink::Socket &socket_;
    std::string network_;
};

} // namespace k2s::cni::nft
