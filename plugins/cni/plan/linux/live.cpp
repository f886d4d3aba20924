// SPDX-License-Identifier: MIT
#include "plan/pods.hpp"

#include <algorithm>

#include <linux/netlink.h>

#include <fmt/format.h>

#include "nft/masquerade.hpp"
#include "nft/transaction.hpp"
#include "vfprules/linux/table.hpp"

namespace k2s::network {
namespace {

namespace nft = cni::nft;
using cni::netlink::Socket;

/// The rule of vfprules that matches first; its own text begins with the destination.
std::string port_rule(const std::vector<nft::Rule> &rules, const Address &to) {
    for (const auto &rule : rules) {
        const auto destination = Prefix::parse(rule.owner.substr(0, rule.owner.find(' ')));
        if (destination && destination->contains(to)) {
            return fmt::format("nftables rule {}: {}", rule.comment, rule.owner);
        }
    }
    return "no rule of vfprules matches";
}

/// Nothing when nobody masquerades for the pod.
std::vector<Hop> masquerade(Socket &socket, const Pod &pod, const Address &from,
                            const Address &to) {
    const auto rule = nft::Masquerade(socket, pod.network).comment_of({pod.container, pod.ifname});
    if (!rule || !*rule) {
        return {};
    }
    const bool stays = std::ranges::any_of(
        pod.addresses, [&](const Prefix &own) { return own.address == from && own.contains(to); });
    return {{"masquerading, now", stays
                                      ? "own network: the pod's address stays"
                                      : "leaves with the host's address: nftables rule " + **rule}};
}

} // namespace

std::vector<Hop> live_rules(const Pod &pod, const Address &from, const Address &to,
                            const LiveOptions & /*options*/) {
    std::vector<Hop> hops;
    auto socket = Socket::open(NETLINK_NETFILTER);
    if (!socket) {
        return {{"nftables", socket.error().message}};
    }
    for (const auto &port : pod.ports) {
        const auto rules =
            nft::list_rules(*socket, {nft::Family::netdev, vfprules::k_table, port}, false);
        if (rules && !rules->empty()) {
            hops.push_back({fmt::format("port {}, now", port), port_rule(*rules, to)});
        }
    }
    std::ranges::move(masquerade(*socket, pod, from, to), std::back_inserter(hops));
    return hops;
}

} // namespace k2s::network
