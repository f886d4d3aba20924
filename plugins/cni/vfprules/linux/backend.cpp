// SPDX-License-Identifier: MIT
#include <algorithm>

#include <netinet/in.h> // before <linux/netfilter.h>, which would define the same

#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "netlink/link.hpp"
#include "nft/match.hpp"
#include "vfprules/backend.hpp"
#include "vfprules/linux/table.hpp"

// Frames that a pod sends are looked at where they enter the host: a chain of the family netdev on
// the host's end of the pair, before the bridge decides by the destination address. It costs the
// same with any number of ports. With the interface an old kernel removes the chain, and a new one
// keeps it for the next interface of that name, so it is looked at by name only.

namespace k2s::vfprules {
namespace {

using cni::netlink::Link;
using cni::netlink::Socket;
using cni::nft::Chain;
using cni::nft::Expressions;
using cni::nft::Family;

constexpr int32_t k_priority = -300;
constexpr uint32_t k_destination_mac = 0; // in the Ethernet header

/// A rule with the address that frames get here.
struct Rewrite {
    const Rule *rule;
    Mac mac;

    std::string text() const {
        return fmt::format("{} via {} ({}), {}, priority {}", rule->route.destination.text(),
                           rule->route.gateway.text(), rule->gateway.interface_name, text_of(mac),
                           rule->route.priority);
    }
    void put(Expressions &out) const {
        const bool v4 = rule->route.destination.address.is_v4();
        const uint16_t protocol = htons(v4 ? ETH_P_IP : ETH_P_IPV6);
        const uint16_t ethernet = ARPHRD_ETHER;
        const uint8_t for_us = PACKET_HOST;
        out.meta(NFT_META_PROTOCOL);
        out.equal(&protocol, sizeof(protocol));
        cni::nft::match_destination(out, rule->route.destination, true);
        // The kernel has already noted that the frame is for somebody else.
        out.set_meta(NFT_META_PKTTYPE, &for_us, sizeof(for_us));
        out.meta(NFT_META_IIFTYPE); // nft reads the next expression as Ethernet's only after this
        out.equal(&ethernet, sizeof(ethernet));
        out.set_link_header(k_destination_mac, mac.data(), mac.size());
        out.verdict(NF_ACCEPT);
    }
};

class Nftables final : public Backend {
  public:
    Nftables(Socket routes, Socket tables)
        : routes_(std::move(routes)), tables_(std::move(tables)) {}

    std::string_view name() const override { return "nftables"; }

    Expected<std::vector<Finding>> ensure(const std::string &port, const std::vector<Rule> &rules,
                                          const std::vector<std::string> & /*known*/,
                                          Deadline /*deadline*/) override {
        auto rewrites = resolve(port, rules);
        auto before = rewrites ? compare(port, *rewrites) : std::unexpected(rewrites.error());
        if (!before) {
            return before;
        }
        const Chain chain{Family::netdev, k_table, port};
        cni::nft::Transaction changes;
        changes.add_table(Family::netdev, k_table, "Routes of pods' ports");
        // Also when nothing else is to be done: it may have lost its interface.
        changes.add_chain(chain, cni::nft::Hook{"filter", NF_NETDEV_INGRESS, k_priority, port});
        if (std::ranges::any_of(*before,
                                [](const Finding &each) { return each.state != State::present; })) {
            changes.flush(chain);
            for (const auto &each : *rewrites) {
                changes.add_rule(
                    chain, each.rule->route.name, [&](Expressions &out) { each.put(out); },
                    each.text());
            }
        }
        if (auto done = changes.commit(tables_, fmt::format("set the rules of {}", port)); !done) {
            return cni::as_error(done.error());
        }
        for (auto &each : *before) {
            each.state = each.state == State::missing   ? State::added
                         : each.state == State::differs ? State::replaced
                         : each.state == State::extra   ? State::removed
                                                        : each.state;
        }
        return before;
    }

    Expected<std::vector<Finding>> inspect(const std::string &port, const std::vector<Rule> &rules,
                                           const std::vector<std::string> & /*known*/,
                                           Deadline /*deadline*/) override {
        auto rewrites = resolve(port, rules);
        return rewrites ? compare(port, *rewrites) : std::unexpected(rewrites.error());
    }

    Expected<std::vector<Finding>> remove(const std::string &port,
                                          const std::vector<std::string> & /*known*/,
                                          Deadline /*deadline*/) override {
        const Chain chain{Family::netdev, k_table, port};
        auto present = cni::nft::has_chain(tables_, chain);
        auto there = cni::nft::list_rules(tables_, chain);
        if (!present || !there) {
            return present ? cni::as_error(there.error()) : cni::as_error(present.error());
        }
        if (*present) {
            cni::nft::Transaction changes;
            changes.flush(chain);
            changes.delete_chain(chain);
            auto done = changes.commit(tables_, fmt::format("remove the rules of {}", port));
            if (!done) {
                return cni::as_error(done.error());
            }
        }
        std::vector<Finding> findings;
        for (const auto &each : *there) {
            findings.push_back({each.comment, State::removed, each.owner});
        }
        return findings;
    }

    std::vector<std::string> commands(const std::string &port,
                                      const std::vector<Rule> &rules) override {
        std::vector<std::string> lines{
            fmt::format("add table netdev {}", k_table),
            fmt::format("add chain netdev {0} {1} {{ type filter hook ingress device \"{1}\" "
                        "priority {2}; }}",
                        k_table, port, k_priority),
            fmt::format("flush chain netdev {} {}", k_table, port)};
        auto rewrites = resolve(port, rules);
        for (const auto &each : rewrites ? *rewrites : std::vector<Rewrite>()) {
            const auto &route = each.rule->route;
            lines.push_back(fmt::format(
                "add rule netdev {} {} {} daddr {} meta pkttype set host ether daddr set {} accept "
                "comment \"{}\"",
                k_table, port, route.destination.address.is_v4() ? "ip" : "ip6",
                route.destination.text(), cni::netlink::Mac{each.mac}.text(), route.name));
        }
        return lines;
    }

  private:
    Expected<std::vector<Finding>> compare(const std::string &port,
                                           const std::vector<Rewrite> &rewrites) {
        auto there = cni::nft::list_rules(tables_, {Family::netdev, k_table, port});
        if (!there) {
            return cni::as_error(there.error());
        }
        std::vector<Finding> findings;
        std::size_t position = 0;
        for (const auto &each : rewrites) {
            const auto found =
                std::ranges::find(*there, each.rule->route.name, &cni::nft::Rule::comment);
            const auto wanted = cni::nft::text_of([&](Expressions &out) { each.put(out); });
            const bool same = found != there->end() && found->expressions == wanted &&
                              found - there->begin() == static_cast<std::ptrdiff_t>(position++);
            findings.push_back({each.rule->route.name,
                                found == there->end() ? State::missing
                                : same                ? State::present
                                                      : State::differs,
                                each.text()});
        }
        for (const auto &each : *there) {
            if (std::ranges::none_of(rewrites, [&](const Rewrite &one) {
                    return one.rule->route.name == each.comment;
                })) {
                findings.push_back({each.comment, State::extra, each.owner});
            }
        }
        return findings;
    }

    /// The gateway's own address, when the bridge of the port leads to it: the gateway is that
    /// bridge, one of its ports or the other end of one. Other interfaces are reached through the
    /// host, as every address of it is, so frames get the address of the bridge (of the port itself
    /// when it is in none).
    Expected<std::vector<Rewrite>> resolve(const std::string &port,
                                           const std::vector<Rule> &rules) {
        auto own = cni::netlink::find_link(routes_, port);
        if (!own) {
            return cni::as_error(own.error());
        }
        if (!*own) {
            return fail(K2S_E_NOT_FOUND, "there is no interface {}", port);
        }
        // One by one: a node has a thousand links, and a plan a few gateways.
        auto bridge = link_at((*own)->master);
        if (!bridge) {
            return std::unexpected(bridge.error());
        }
        std::vector<Rewrite> rewrites;
        for (const auto &rule : rules) {
            auto bridged = *bridge ? leads_to(**bridge, rule.gateway.index) : Expected<bool>(false);
            if (!bridged) {
                return std::unexpected(bridged.error());
            }
            rewrites.push_back({&rule, *bridged  ? rule.gateway.mac
                                       : *bridge ? (*bridge)->mac.bytes
                                                 : (*own)->mac.bytes});
        }
        return rewrites;
    }

    /// nullopt: there is none, as always with index 0.
    Expected<std::optional<Link>> link_at(uint32_t index) {
        auto link = index != 0 ? cni::netlink::find_link(routes_, index)
                               : cni::Result<std::optional<Link>>(std::nullopt);
        return link ? Expected<std::optional<Link>>(std::move(*link)) : cni::as_error(link.error());
    }

    Expected<bool> leads_to(const Link &bridge, uint32_t index) {
        auto gateway = link_at(index);
        if (!gateway || !*gateway || index == bridge.index || (*gateway)->master == bridge.index) {
            return gateway ? Expected<bool>(gateway->has_value())
                           : std::unexpected(gateway.error());
        }
        auto peer = link_at((*gateway)->peer_elsewhere ? 0 : (*gateway)->peer);
        return peer ? Expected<bool>(*peer && (*peer)->master == bridge.index)
                    : std::unexpected(peer.error());
    }

    Socket routes_, tables_;
};

} // namespace

Expected<std::unique_ptr<Backend>> open_backend(const Options &options, const Config & /*config*/,
                                                Deadline /*deadline*/) {
    if (options.backend != "auto" && options.backend != "nftables") {
        return fail(K2S_E_USAGE, "there is no backend '{}' on Linux: give auto or nftables",
                    options.backend);
    }
    auto routes = Socket::open(NETLINK_ROUTE), tables = Socket::open(NETLINK_NETFILTER);
    if (!routes || !tables) {
        return cni::as_error(routes ? tables.error() : routes.error());
    }
    return std::make_unique<Nftables>(std::move(*routes), std::move(*tables));
}

} // namespace k2s::vfprules
