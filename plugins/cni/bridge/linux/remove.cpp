// SPDX-License-Identifier: MIT
#include <algorithm>
#include <iterator>
#include <optional>

#include <linux/netlink.h>

#include "bridge/linux/bridge.hpp"
#include "bridge/linux/iptables.hpp"
#include "bridge/steps.hpp"
#include "nft/masquerade.hpp"
#include "nft/spoof_check.hpp"
#include "spec/instance.hpp"

namespace k2s::cni {
namespace {

using netlink::Batch;
using netlink::NetworkNamespace;
using netlink::Socket;

Result<void> delete_link(Socket &socket, uint32_t index, const std::string &name) {
    Batch batch;
    put_delete(batch, index, name);
    return socket.send(batch);
}

/// From the container's side: whoever made the pair.
Result<bool> unplug_inside(const Request &request) {
    auto there = NetworkNamespace::open(request.netns);
    if (!there) {
        return false; // gone, and with it whatever was in it, or never one
    }
    auto own = NetworkNamespace::current();
    if (!own) {
        return pass(own);
    }
    if (*own == *there && !request.netns_override) {
        return fail(k_bad_netns, "plugin's netns and netns from CNI_NETNS should not be the same");
    }
    auto inside = netlink::Entered::enter(*there, *own);
    if (!inside) {
        return pass(inside);
    }
    auto socket = Socket::open(NETLINK_ROUTE);
    if (!socket) {
        return pass(socket);
    }
    auto deleted = delete_link(*socket, 0, request.ifname);
    return deleted ? Result<bool>(true) : pass(deleted);
}

/// From the host's side, for a namespace that nobody can name any more.
Result<void> unplug_outside(const Request &request) {
    auto socket = Socket::open(NETLINK_ROUTE);
    if (!socket) {
        return pass(socket);
    }
    const auto names = pair_names(request);
    auto link = netlink::find_link(*socket, names.host);
    if (!link) {
        return pass(link);
    }
    return *link && (*link)->alias == names.alias ? delete_link(*socket, (*link)->index, names.host)
                                                  : Result<void>();
}

Result<void> unplug(const Request &request) {
    if (!request.netns.empty()) {
        auto done = unplug_inside(request);
        if (!done || *done) {
            return done ? Result<void>() : pass(done);
        }
    }
    return unplug_outside(request);
}

/// What goes into the alias of all interfaces of a network.
std::string alias_start(const Request &request) {
    return fmt::format("k2s-cni {}-", network_key(request.network));
}

/// The pod may be older than the choice of a backend.
bool uses_iptables(Result<Socket> &netfilter, const Request &request, const BridgeConfig &config,
                   const Runner &run) {
    if (!config.layer3() || !config.masquerade) {
        return false;
    }
    if (config.masquerade_backend == "iptables") {
        return true;
    }
    if (!netfilter) {
        return false;
    }
    const IptablesMasquerade rules(run, request.network, request.container_id);
    const auto there = nft::has_chain(*netfilter, {nft::Family::ip, "nat", rules.chain()});
    return there && *there;
}

/// As far as they can be known: what the runtime remembers of ADD, and what the interface has.
std::vector<Prefix> addresses_of(const Request &request) {
    std::vector<Prefix> addresses;
    if (const auto said = previous_result(request.config)) {
        std::ranges::transform(said->ips, std::back_inserter(addresses), &IpConfig::address);
    }
    const auto own = NetworkNamespace::current();
    const auto there = NetworkNamespace::open(request.netns);
    if (!own || !there || *own == *there) {
        return addresses;
    }
    const auto inside = netlink::Entered::enter(*there, *own);
    auto socket = inside ? Socket::open(NETLINK_ROUTE) : fail(k_bad_netns, "not entered");
    const auto link = socket ? netlink::find_link(*socket, request.ifname) : pass(socket);
    if (link && *link) {
        if (const auto list = netlink::list_addresses(*socket, (*link)->index)) {
            for (const auto &one : *list) {
                addresses.push_back(one.prefix);
            }
        }
    }
    return addresses;
}

/// Whether no other interface of ours connects the container to the network.
bool is_last(const Request &request) {
    auto socket = Socket::open(NETLINK_ROUTE);
    const auto links = socket ? netlink::list_links(*socket, 0) : pass(socket);
    return links && std::ranges::none_of(*links, [&](const netlink::Link &link) {
               return link.alias.starts_with(alias_start(request)) &&
                      link.alias.find(" " + request.container_id + " ") != std::string::npos &&
                      link.alias != pair_names(request).alias;
           });
}

Result<void> remove_rules(Socket &netfilter, const Request &request, const BridgeConfig &config) {
    const ValidAttachment who{request.container_id, request.ifname};
    Steps steps;
    if (config.spoof_check) {
        steps.add(nft::SpoofCheck(netfilter, request.network).remove(who));
    }
    if (config.layer3() && config.masquerade) {
        steps.add(nft::Masquerade(netfilter, request.network).remove(who));
    }
    return steps.outcome();
}

Result<void> remove_stale_links(const Request &request, const BridgeConfig &config,
                                const std::vector<ValidAttachment> &valid) {
    auto socket = Socket::open(NETLINK_ROUTE);
    if (!socket) {
        return pass(socket);
    }
    auto bridge = netlink::find_link(*socket, config.bridge);
    if (!bridge || !*bridge) {
        return bridge ? Result<void>() : pass(bridge);
    }
    auto links = netlink::list_links(*socket, (*bridge)->index);
    if (!links) {
        return pass(links);
    }
    Steps steps;
    const auto network = alias_start(request);
    for (const auto &link : *links) {
        const bool kept = std::ranges::any_of(valid, [&](const ValidAttachment &one) {
            const auto key = attachment_key(request.network, one);
            return link.alias.starts_with(fmt::format("k2s-cni {} ", key));
        });
        if (link.alias.starts_with(network) && !kept) {
            steps.add(delete_link(*socket, link.index, link.name));
        }
    }
    return steps.outcome();
}

/// Whoever removed the ports, also when it was the end of their namespaces.
Result<void> forget_lost_ports(const PortRules &rules) {
    const auto ports = rules.remembered();
    if (ports.empty()) {
        return {};
    }
    auto socket = Socket::open(NETLINK_ROUTE);
    if (!socket) {
        return pass(socket);
    }
    Steps steps;
    for (const auto &port : ports) {
        auto link = netlink::find_link(*socket, port);
        if (link && !*link) {
            rules.forget(port);
        }
        steps.add(link ? Result<void>() : pass(link));
    }
    return steps.outcome();
}

} // namespace

Result<void> Bridge::del(const Request &request) const {
    auto config = read_bridge_config(request);
    if (!config) {
        return pass(config);
    }
    Steps steps;
    std::optional<Result<Socket>> netfilter;
    if (config->spoof_check || (config->layer3() && config->masquerade)) {
        netfilter = Socket::open(NETLINK_NETFILTER);
    }
    const bool iptables =
        netfilter && uses_iptables(*netfilter, request, *config, options_.ipam.run);
    const auto addresses = iptables ? addresses_of(request) : std::vector<Prefix>();
    auto unplugged = unplug(request);
    const bool plugged = !unplugged;
    steps.add(std::move(unplugged));
    if (!plugged) {
        options_.rules.forget(pair_names(request).host);
    }
    // An address must not be given away while an interface still has it.
    if (config->layer3() && !plugged) {
        auto ipam = Ipam::choose(options_.ipam, config->ipam_type, request);
        steps.add(ipam ? ipam->call("DEL", request) : pass(ipam));
    }
    if (iptables) {
        const IptablesMasquerade rules(options_.ipam.run, request.network, request.container_id);
        steps.add(rules.remove(addresses, is_last(request)));
    }
    if (netfilter) {
        steps.add(*netfilter ? remove_rules(**netfilter, request, *config) : pass(*netfilter));
    }
    return steps.outcome();
}

Result<void> Bridge::gc(const Request &request) const {
    auto config = read_bridge_config(request);
    if (!config) {
        return pass(config);
    }
    auto valid = valid_attachments(request.config);
    if (!valid) {
        return pass(valid);
    }
    Steps steps;
    steps.add(remove_stale_links(request, *config, *valid));
    steps.add(forget_lost_ports(options_.rules));
    if (config->layer3()) {
        auto ipam = Ipam::choose(options_.ipam, config->ipam_type, request);
        steps.add(ipam ? ipam->call("GC", request) : pass(ipam));
    }
    auto socket = Socket::open(NETLINK_NETFILTER);
    if (!socket) {
        steps.add(pass(socket));
        return steps.outcome();
    }
    steps.add(nft::Masquerade(*socket, request.network).remove_others(*valid));
    // Pods may be older than the choice of a backend; where nothing is translated there are none.
    const auto translates = nft::has_chain(*socket, {nft::Family::ip, "nat", "POSTROUTING"});
    if (config->masquerade &&
        (config->masquerade_backend == "iptables" || (translates && *translates))) {
        steps.add(IptablesMasquerade(options_.ipam.run, request.network, {}).remove_others(*valid));
    }
    if (config->spoof_check) {
        steps.add(nft::SpoofCheck(*socket, request.network).remove_others(*valid));
    }
    return steps.outcome();
}

Result<void> Bridge::status(const Request &request) const {
    auto config = read_bridge_config(request);
    if (!config) {
        return pass(config);
    }
    if (config->layer3()) {
        auto ipam = Ipam::choose(options_.ipam, config->ipam_type, request);
        if (auto good = ipam ? ipam->call("STATUS", request) : pass(ipam); !good) {
            return good;
        }
    }
    const bool nftables =
        config->spoof_check || (config->masquerade && config->masquerade_backend == "nftables");
    if (nftables) {
        auto socket = Socket::open(NETLINK_NETFILTER);
        const auto listed = socket ? nft::list_rules(*socket, {nft::Family::inet, "none", "none"})
                                   : Result<std::vector<nft::Rule>>(pass(socket));
        if (!listed) {
            return fail(k_unavailable, "nftables cannot be used: {}", listed.error().message);
        }
    }
    return {};
}

} // namespace k2s::cni
