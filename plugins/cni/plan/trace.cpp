// SPDX-License-Identifier: MIT
#include <algorithm>

#include <fmt/format.h>

#include "plan/apply.hpp"

namespace k2s::network {
namespace {

/// "pods of win1 (172.20.3.0/24)": the smallest network that has the address.
std::string who(const Plan &plan, const Address &address) {
    const auto named = std::ranges::find(plan.addresses, address, &NamedAddress::address);
    if (named != plan.addresses.end()) {
        return named->name;
    }
    const NamedNetwork *best = nullptr;
    for (const auto &each : plan.networks) {
        if (each.network.contains(address) &&
            (best == nullptr || best->network.length < each.network.length)) {
            best = &each;
        }
    }
    return best == nullptr ? "outside of the cluster"
                           : fmt::format("{} ({})", best->name, best->network.text());
}

const HostRoute *best_route(const std::vector<HostRoute> &routes, const Address &to) {
    const HostRoute *best = nullptr;
    for (const auto &each : routes) {
        if (each.destination.contains(to) &&
            (best == nullptr || best->destination.length < each.destination.length ||
             (best->destination.length == each.destination.length && best->metric > each.metric))) {
            best = &each;
        }
    }
    return best;
}

/// The rule of vfprules.json that a Windows pod's packet meets first.
std::string port_rule(const Settings &settings, const Address &to) {
    for (const auto &each : settings.port_routes) { // by priority
        if (each.destination.contains(to)) {
            return fmt::format("VFP rule {} (priority {}): to the interface that has {}", each.name,
                               each.priority, each.gateway.text());
        }
    }
    return fmt::format("no VFP rule: to the default gateway {}", settings.bridge_host.text());
}

std::string nat_rule(const Settings &settings, const Address &to) {
    for (const auto &each : settings.nat_exceptions) {
        if (each.contains(to)) {
            return fmt::format("NAT exception {}: the pod's address stays", each.text());
        }
    }
    return "outbound NAT: leaves with the host's address";
}

} // namespace

std::vector<Hop> trace(const Settings &settings, const Plan &plan, const Surroundings &around,
                       const Address &from, const Address &to) {
    std::vector<Hop> hops{{fmt::format("{}, {}", from.text(), who(plan, from)),
                           fmt::format("sends to {}, {}", to.text(), who(plan, to))}};
    const bool windows_pod = settings.pods_windows.contains(from);
    const bool own_subnet = windows_pod && settings.pods_windows.contains(to);
    if (own_subnet) {
        hops.push_back({"the pods' bridge", "same network: straight to the other pod"});
        return hops;
    }
    if (windows_pod) {
        hops.push_back({"the pod's port on cbr0", port_rule(settings, to)});
    }
    if (settings.pods.contains(from)) {
        hops.push_back({"the pod's machine", nat_rule(settings, to)});
    }
    const auto own = std::ranges::find_if(
        around.addresses, [&](const HostAddress &each) { return each.prefix.address == to; });
    if (own != around.addresses.end()) {
        hops.push_back(
            {"this machine", fmt::format("delivered: {} has the address", own->interface_name)});
        return hops;
    }
    const HostRoute *route = best_route(around.routes, to);
    if (route == nullptr) {
        hops.push_back({"this machine", "no route: dropped"});
        return hops;
    }
    hops.push_back({"this machine", "route " + route->text()});
    if (!route->gateway) {
        hops.push_back(
            {route->interface_name, fmt::format("on the link: {} answers itself", to.text())});
        return hops;
    }
    const std::string next =
        fmt::format("{}, {}", route->gateway->text(), who(plan, *route->gateway));
    if (settings.services.contains(to)) {
        hops.push_back({next, "kube-proxy: to one of the service's pods"});
    } else if (settings.pods_linux.contains(to) && *route->gateway == settings.control_plane) {
        hops.push_back({next, "cni0: to the pod"});
    } else if (settings.pods_windows.contains(to) &&
               (*route->gateway == settings.windows_vm || *route->gateway == settings.host)) {
        hops.push_back({next, "cbr0: to the pod"});
    } else if (const auto node = std::ranges::find(settings.nodes, *route->gateway, &Node::address);
               node != settings.nodes.end() && node->pods.contains(to)) {
        hops.push_back({next, "its bridge: to the pod"});
    } else {
        hops.push_back({next, "its own routes decide"});
    }
    return hops;
}

} // namespace k2s::network
