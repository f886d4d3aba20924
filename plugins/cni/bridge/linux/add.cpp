// SPDX-License-Identifier: MIT
#include <algorithm>
#include <optional>

#include <linux/netlink.h>

#include "bridge/linux/bridge.hpp"
#include "bridge/linux/container.hpp"
#include "bridge/linux/iptables.hpp"
#include "nft/masquerade.hpp"
#include "nft/spoof_check.hpp"
#include "spec/instance.hpp"

namespace k2s::cni {
namespace {

constexpr int64_t k_container_interface = 2; // bridge, host's end, container's end
constexpr std::size_t k_longest_alias = 255;

Prefix default_route(bool v4) {
    return *Prefix::parse(v4 ? "0.0.0.0/0" : "::/0");
}

/// Gateways that the IPAM plugin left out, and the default routes of isDefaultGateway.
void complete(Attachment &result, const BridgeConfig &config) {
    for (auto &ip : result.ips) {
        ip.interface = k_container_interface;
        if (!ip.gateway && config.gateway) {
            ip.gateway = ip.address.network().next();
        }
        if (!config.default_gateway) {
            continue;
        }
        const Prefix everywhere = default_route(ip.address.address.is_v4());
        if (std::ranges::none_of(result.routes, [&](const Route &route) {
                return route.gateway && route.destination == everywhere;
            })) {
            Route route;
            route.destination = everywhere;
            route.gateway = ip.gateway;
            result.routes.push_back(route);
        }
    }
}

Result<void> enable_forwarding(bool v4) {
    const std::string name = v4 ? "ipv4/ip_forward" : "ipv6/conf/all/forwarding";
    const auto value = netlink::read_sysctl(name);
    return value && *value == "1" ? Result<void>() : netlink::write_sysctl(name, "1");
}

std::vector<Prefix> prefixes(const Attachment &attachment) {
    std::vector<Prefix> list;
    std::ranges::transform(attachment.ips, std::back_inserter(list), &IpConfig::address);
    return list;
}

} // namespace

Ports::PairNames pair_names(const Request &request) {
    const ValidAttachment who{request.container_id, request.ifname};
    const auto key = attachment_key(request.network, who);
    // The second part is the attachment's own.
    return {"veth" + key.substr(key.find('-') + 1, 8), request.ifname,
            fmt::format("k2s-cni {} {} {}", key, who.container_id, who.ifname)
                .substr(0, k_longest_alias)};
}

/// An ADD in progress. What is declared later is gone earlier: the journal before what it uses.
struct Bridge::Adding {
    const Request &request;
    BridgeConfig config;
    netlink::NetworkNamespace own, there;
    netlink::Socket host;
    std::optional<netlink::Socket> firewall;
    std::optional<Ipam> ipam;
    Ports ports;
    Attachment result;
    netlink::Link bridge;
    Ports::Pair pair;
    Journal journal;

    ValidAttachment who() const { return {request.container_id, request.ifname}; }
    Result<netlink::Socket *> netfilter() {
        if (!firewall) {
            auto opened = netlink::Socket::open(NETLINK_NETFILTER);
            if (!opened) {
                return pass(opened);
            }
            firewall = std::move(*opened);
        }
        return &*firewall;
    }
};

Result<void> Bridge::allocate(Adding &state) const {
    auto given = state.ipam->add(state.request);
    if (!given) {
        return pass(given);
    }
    state.journal.on_failure([&state] { (void)state.ipam->call("DEL", state.request); });
    state.result.ips = std::move(given->ips);
    state.result.routes = std::move(given->routes);
    state.result.dns = std::move(given->dns);
    complete(state.result, state.config);
    return {};
}

Result<void> Bridge::plug(Adding &state) const {
    auto bridge = state.ports.ensure_bridge(state.journal);
    if (!bridge) {
        return pass(bridge);
    }
    state.bridge = std::move(*bridge);
    auto pair =
        state.ports.add_pair(state.bridge, pair_names(state.request), state.there, state.journal);
    if (!pair) {
        return pass(pair);
    }
    state.pair = std::move(*pair);
    state.result.interfaces = {
        {state.bridge.name, state.bridge.mac.text(), {}},
        {state.pair.host.name, state.pair.host.mac.text(), {}},
        {state.request.ifname, state.pair.container_mac.text(), state.request.netns},
    };
    if (!state.config.spoof_check) {
        return {};
    }
    auto socket = state.netfilter();
    if (!socket) {
        return pass(socket);
    }
    const auto remove = [&state, socket = *socket] {
        (void)nft::SpoofCheck(*socket, state.request.network).remove(state.who());
    };
    auto added = nft::SpoofCheck(**socket, state.request.network)
                     .add(state.who(), state.pair.host.name, state.pair.container_mac);
    if (added) {
        state.journal.on_failure(remove);
    }
    return added;
}

Result<void> Bridge::configure_container(Adding &state) const {
    if (state.config.disable_container_interface) {
        return {};
    }
    auto inside = netlink::Entered::enter(state.there, state.own);
    if (!inside) {
        return pass(inside);
    }
    auto socket = netlink::Socket::open(NETLINK_ROUTE);
    if (!socket) {
        return pass(socket);
    }
    ContainerEnd end(*socket, state.request.ifname, state.pair.container_index);
    return state.config.layer3() ? end.configure(state.result, state.config.enable_dad)
                                 : end.set_up();
}

Result<void> Bridge::configure_host(Adding &state) const {
    if (!state.config.layer3() || !state.config.gateway) {
        return {};
    }
    auto interface = state.ports.gateway_interface(state.bridge, state.own);
    if (!interface) {
        return pass(interface);
    }
    if (interface->index != state.bridge.index) {
        state.result.interfaces.push_back({interface->name, interface->mac.text(), {}});
    }
    bool forwards[2] = {};
    for (const auto &ip : state.result.ips) {
        if (auto done = state.ports.ensure_address(*interface, {*ip.gateway, ip.address.length});
            !done) {
            return done;
        }
        const bool v4 = ip.address.address.is_v4();
        if (!std::exchange(forwards[v4 ? 1 : 0], true)) {
            if (auto done = enable_forwarding(v4); !done) {
                return done;
            }
        }
    }
    return {};
}

Result<void> Bridge::masquerade(Adding &state) const {
    if (!state.config.layer3() || !state.config.masquerade) {
        return {};
    }
    if (state.config.masquerade_backend == "iptables") {
        const IptablesMasquerade rules(options_.ipam.run, state.request.network,
                                       state.request.container_id);
        const auto addresses = prefixes(state.result);
        state.journal.on_failure([rules, addresses] { (void)rules.remove(addresses, false); });
        return rules.add(addresses);
    }
    auto socket = state.netfilter();
    if (!socket) {
        return pass(socket);
    }
    nft::Masquerade rules(**socket, state.request.network);
    auto added = rules.add(state.who(), prefixes(state.result));
    if (added) {
        state.journal.on_failure([rules, who = state.who()]() mutable { (void)rules.remove(who); });
    }
    return added;
}

Result<void> Bridge::apply_rules(Adding &state) const {
    const std::string &port = state.pair.host.name;
    state.journal.on_failure([this, &port] { options_.rules.forget(port); });
    return options_.rules.apply(port);
}

Result<Attachment> Bridge::add(const Request &request) const {
    auto config = read_bridge_config(request);
    if (!config) {
        return pass(config);
    }
    auto own = netlink::NetworkNamespace::current();
    auto there = own ? netlink::NetworkNamespace::open(request.netns) : pass(own);
    if (!there) {
        return pass(there);
    }
    if (*own == *there && !request.netns_override) {
        return fail(k_bad_netns, "plugin's netns and netns from CNI_NETNS should not be the same");
    }
    auto host = netlink::Socket::open(NETLINK_ROUTE);
    if (!host) {
        return pass(host);
    }
    std::optional<Ipam> ipam;
    if (config->layer3()) {
        auto chosen = Ipam::choose(options_.ipam, config->ipam_type, request);
        if (!chosen) {
            return pass(chosen);
        }
        ipam = std::move(*chosen);
    }
    // In place: parts of it refer to each other.
    Adding state{request,
                 std::move(*config),
                 std::move(*own),
                 std::move(*there),
                 std::move(*host),
                 std::nullopt,
                 std::move(ipam),
                 Ports(state.host, state.config, options_.lock_folder),
                 {},
                 {},
                 {},
                 {}};
    // In process it costs little and asks for nothing; other plugins (dhcp) need the interface
    // first.
    const bool early = state.ipam && state.ipam->in_process();
    using Step = Result<void> (Bridge::*)(Adding &) const;
    for (const auto &[wanted, step] : {std::pair<bool, Step>{early, &Bridge::allocate},
                                       {true, &Bridge::plug},
                                       {state.ipam && !early, &Bridge::allocate},
                                       {true, &Bridge::configure_container},
                                       {true, &Bridge::configure_host},
                                       {true, &Bridge::masquerade},
                                       {options_.rules.wanted(), &Bridge::apply_rules}}) {
        if (options_.cancelled()) {
            return fail(k_try_later, "cancelled; what had been done was undone");
        }
        if (!wanted) {
            continue;
        }
        if (auto done = (this->*step)(state); !done) {
            return pass(done);
        }
    }
    if (!state.config.disable_container_interface) {
        if (auto up = state.ports.wait_until_up(state.pair.host); !up) {
            return pass(up);
        }
    }
    // A bridge of somebody else's may take another address with its first port.
    auto bridge = netlink::find_link(state.host, state.bridge.name);
    if (!bridge || !*bridge) {
        return bridge ? fail(k_internal, "the bridge {} went away", state.bridge.name)
                      : pass(bridge);
    }
    state.result.interfaces.front().mac = (*bridge)->mac.text();
    if (!state.config.dns.empty()) {
        state.result.dns = state.config.dns;
    }
    state.journal.keep();
    return std::move(state.result);
}

} // namespace k2s::cni
