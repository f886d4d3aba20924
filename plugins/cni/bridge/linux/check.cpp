// SPDX-License-Identifier: MIT
#include <algorithm>

#include <linux/if.h>
#include <linux/netlink.h>

#include "bridge/linux/bridge.hpp"
#include "bridge/linux/iptables.hpp"
#include "nft/masquerade.hpp"
#include "nft/spoof_check.hpp"

namespace k2s::cni {
namespace {

using netlink::Link;
using netlink::NetworkNamespace;
using netlink::Socket;

Result<Link> link_as_said(Socket &socket, const Interface &said, std::string_view where,
                          std::string_view kind) {
    auto link = netlink::find_link(socket, said.name);
    if (!link) {
        return pass(link);
    }
    if (!*link) {
        return fail(k_internal, "the interface {} is missing {}", said.name, where);
    }
    if ((*link)->kind != kind) {
        return fail(k_internal, "the interface {} {} is a {}, not a {}", said.name, where,
                    (*link)->kind, kind);
    }
    if (!said.mac.empty() && netlink::Mac::parse(said.mac) != (*link)->mac) {
        return fail(k_internal, "the interface {} {} has the MAC address {}, not {}", said.name,
                    where, (*link)->mac.text(), said.mac);
    }
    if (((*link)->flags & IFF_UP) == 0) {
        return fail(k_internal, "the interface {} {} is down", said.name, where);
    }
    return **link;
}

Result<void> check_route(Socket &socket, const Route &route, uint32_t index) {
    auto present = netlink::list_routes(socket, route.destination.address.is_v4());
    if (!present) {
        return pass(present);
    }
    const bool found = std::ranges::any_of(*present, [&](const netlink::KernelRoute &one) {
        return one.destination == route.destination && one.index == index &&
               (!route.gateway || one.gateway == route.gateway) &&
               (!route.table || one.table == *route.table) &&
               (!route.priority || one.priority == *route.priority);
    });
    return found ? Result<void>()
                 : fail(k_internal, "the route to {} is missing in the container",
                        route.destination.text());
}

/// The container's interface with what the result says of it.
Result<Link> check_inside(const Request &request, const Attachment &result, bool up) {
    auto own = NetworkNamespace::current();
    auto there = own ? NetworkNamespace::open(request.netns) : pass(own);
    if (!there) {
        return pass(there);
    }
    const auto said = std::ranges::find_if(result.interfaces, [&](const Interface &one) {
        return one.name == request.ifname && one.sandbox == request.netns;
    });
    if (said == result.interfaces.end()) {
        return fail(k_bad_config, "prevResult has no interface {} in {}", request.ifname,
                    request.netns);
    }
    auto inside = netlink::Entered::enter(*there, *own);
    if (!inside) {
        return pass(inside);
    }
    auto socket = Socket::open(NETLINK_ROUTE);
    if (!socket) {
        return pass(socket);
    }
    if (!up) {
        auto link = netlink::find_link(*socket, said->name);
        return link && *link
                   ? Result<Link>(**link)
                   : fail(k_internal, "the interface {} is missing in the container", said->name);
    }
    auto link = link_as_said(*socket, *said, "in the container", "veth");
    if (!link) {
        return link;
    }
    auto addresses = netlink::list_addresses(*socket, link->index);
    if (!addresses) {
        return pass(addresses);
    }
    for (const auto &ip : result.ips) {
        if (std::ranges::none_of(*addresses, [&](const netlink::LinkAddress &one) {
                return one.prefix == ip.address;
            })) {
            return fail(k_internal, "the interface {} in the container has lost the address {}",
                        said->name, ip.address.text());
        }
    }
    for (const auto &route : result.routes) {
        if (auto good = check_route(*socket, route, link->index); !good) {
            return pass(good);
        }
    }
    return link;
}

Result<void> check_vlans(Socket &socket, const BridgeConfig &config, const Link &port) {
    if (!config.filters_vlans) {
        return {};
    }
    auto present = netlink::list_port_vlans(socket, port.index);
    if (!present) {
        return pass(present);
    }
    std::vector<uint16_t> wanted = config.trunk;
    if (config.vlan != 0) {
        wanted.push_back(config.vlan);
    }
    for (const uint16_t id : wanted) {
        if (std::ranges::none_of(*present, [&](const auto &vlan) { return vlan.id == id; })) {
            return fail(k_internal, "the port {} has lost VLAN {}", port.name, id);
        }
    }
    return {};
}

Result<Link> check_port(Socket &socket, const BridgeConfig &config, const Attachment &result,
                        const Link &bridge, const Link &container) {
    for (const auto &said : result.interfaces) {
        if (!said.sandbox.empty() || said.name == config.bridge) {
            continue;
        }
        auto found = netlink::find_link(socket, said.name);
        if (!found) {
            return pass(found);
        }
        if (!*found || (*found)->index != container.peer || (*found)->peer != container.index) {
            continue; // another plugin's
        }
        auto port = link_as_said(socket, said, "on the host", "veth");
        if (!port) {
            return port;
        }
        if (port->master != bridge.index) {
            return fail(k_internal, "the interface {} is no longer plugged into the bridge {}",
                        port->name, bridge.name);
        }
        if (port->hairpin.value_or(config.hairpin) != config.hairpin) {
            return fail(k_internal, "the port {} has hairpin mode {}, not {}", port->name,
                        !config.hairpin, config.hairpin);
        }
        if (port->isolated.value_or(config.port_isolation) != config.port_isolation) {
            return fail(k_internal, "the port {} has isolation {}, not {}", port->name,
                        !config.port_isolation, config.port_isolation);
        }
        if (auto good = check_vlans(socket, config, *port); !good) {
            return pass(good);
        }
        return port;
    }
    return fail(k_internal, "the host's end of the container's interface is missing");
}

Result<void> check_rules(const Request &request, const BridgeConfig &config, const Runner &run,
                         const Attachment &result, const Link &port, const Link &container) {
    std::vector<Prefix> addresses;
    std::ranges::transform(result.ips, std::back_inserter(addresses), &IpConfig::address);
    bool masquerade = config.layer3() && config.masquerade;
    if (masquerade && config.masquerade_backend == "iptables") {
        const IptablesMasquerade rules(run, request.network, request.container_id);
        if (auto good = rules.check(addresses); !good) {
            return good;
        }
        masquerade = false;
    }
    if (!masquerade && !config.spoof_check) {
        return {};
    }
    auto socket = Socket::open(NETLINK_NETFILTER);
    if (!socket) {
        return pass(socket);
    }
    const ValidAttachment who{request.container_id, request.ifname};
    if (config.spoof_check) {
        if (auto good =
                nft::SpoofCheck(*socket, request.network).check(who, port.name, container.mac);
            !good) {
            return good;
        }
    }
    return masquerade ? nft::Masquerade(*socket, request.network).check(who, addresses)
                      : Result<void>();
}

Result<void> check_gateway(Socket &socket, const BridgeConfig &config, const Attachment &result) {
    if (!config.layer3() || !config.gateway) {
        return {};
    }
    const auto name = gateway_name(config);
    auto link = netlink::find_link(socket, name);
    if (!link || !*link) {
        return link ? fail(k_internal, "the gateway's interface {} is missing", name) : pass(link);
    }
    if (((*link)->flags & IFF_UP) == 0) {
        return fail(k_internal, "the gateway's interface {} is down", name);
    }
    auto addresses = netlink::list_addresses(socket, (*link)->index);
    if (!addresses) {
        return pass(addresses);
    }
    for (const auto &ip : result.ips) {
        if (ip.gateway && std::ranges::none_of(*addresses, [&](const netlink::LinkAddress &one) {
                return one.prefix.address == *ip.gateway;
            })) {
            return fail(k_internal, "the interface {} has lost the address {}", name,
                        ip.gateway->text());
        }
    }
    return {};
}

} // namespace

Result<void> Bridge::check(const Request &request) const {
    auto config = read_bridge_config(request);
    if (!config) {
        return pass(config);
    }
    auto result = previous_result(request.config);
    if (!result) {
        return pass(result);
    }
    if (config->layer3()) {
        auto ipam = Ipam::choose(options_.ipam, config->ipam_type, request);
        if (auto good = ipam ? ipam->call("CHECK", request) : pass(ipam); !good) {
            return good;
        }
    }
    auto socket = Socket::open(NETLINK_ROUTE);
    if (!socket) {
        return pass(socket);
    }
    const auto said = std::ranges::find(result->interfaces, config->bridge, &Interface::name);
    if (said == result->interfaces.end()) {
        return fail(k_bad_config, "prevResult has no interface {}", config->bridge);
    }
    auto bridge = link_as_said(*socket, *said, "on the host", "bridge");
    if (!bridge) {
        return pass(bridge);
    }
    if (config->promiscuous && bridge->promiscuity == 0) {
        return fail(k_internal, "the bridge {} is no longer promiscuous", bridge->name);
    }
    auto container = check_inside(request, *result, !config->disable_container_interface);
    if (!container) {
        return pass(container);
    }
    auto port = check_port(*socket, *config, *result, *bridge, *container);
    if (!port) {
        return pass(port);
    }
    if (auto good = check_gateway(*socket, *config, *result); !good) {
        return good;
    }
    if (auto good = check_rules(request, *config, options_.ipam.run, *result, *port, *container);
        !good) {
        return good;
    }
    return options_.rules.wanted() ? options_.rules.check(port->name) : Result<void>();
}

} // namespace k2s::cni
