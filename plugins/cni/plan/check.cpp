// SPDX-License-Identifier: MIT
#include <algorithm>

#include <fmt/format.h>

#include "plan/apply.hpp"

namespace k2s::network {
namespace {

/// What exists on every machine and disturbs nobody.
bool is_local(const Prefix &network) {
    static const Prefix k_local[] = {
        *Prefix::parse("127.0.0.0/8"),        *Prefix::parse("224.0.0.0/4"),
        *Prefix::parse("255.255.255.255/32"), *Prefix::parse("::1/128"),
        *Prefix::parse("fe80::/10"),          *Prefix::parse("ff00::/8")};
    return network.length == 0 || std::ranges::any_of(k_local, [&](const Prefix &each) {
               return each.contains(network.address) && each.length <= network.length;
           });
}

bool is_cluster_interface(const Plan &plan, const std::string &name) {
    return std::ranges::any_of(plan.interfaces,
                               [&](const std::string &each) { return name.starts_with(each); });
}

bool is_planned_address(const Plan &plan, const Address &address) {
    return std::ranges::find(plan.addresses, address, &NamedAddress::address) !=
           plan.addresses.end();
}

bool is_planned_route(const Plan &plan, const HostRoute &route) {
    return std::ranges::any_of(plan.routes, [&](const PlannedRoute &each) {
        return each.destination == route.destination && route.gateway == each.gateway;
    });
}

void add_overlaps(const Plan &plan, const Prefix &network, const std::string &what,
                  std::vector<Item> &items) {
    for (const auto &each : plan.networks) {
        if (overlap(each.network, network)) {
            items.push_back(
                {"network", each.name, State::conflict,
                 fmt::format("{} overlaps {} of this machine", each.network.text(), what)});
            return; // the parts of a network say no more than the whole
        }
    }
}

} // namespace

std::string_view text_of(State state) {
    constexpr std::string_view k_texts[] = {"present", "added", "replaced", "removed",    "missing",
                                            "differs", "extra", "conflict", "unreachable"};
    return k_texts[static_cast<std::size_t>(state)];
}

bool Report::complete() const {
    return std::ranges::none_of(items,
                                [](const Item &each) { return each.state >= State::missing; });
}

std::vector<Item> conflicts(const Plan &plan, const Surroundings &around) {
    std::vector<Item> items;
    const auto ours = [&](uint32_t index, const std::string &name) {
        return is_cluster_interface(plan, name) ||
               std::ranges::any_of(around.addresses, [&](const HostAddress &each) {
                   return each.index == index && is_planned_address(plan, each.prefix.address);
               });
    };
    std::vector<Prefix> seen;
    for (const auto &each : around.addresses) {
        const Prefix network{each.prefix.network(), each.prefix.length};
        if (!is_local(network) && !ours(each.index, each.interface_name)) {
            add_overlaps(plan, network,
                         fmt::format("the network {} of {}", network.text(), each.interface_name),
                         items);
            seen.push_back(network);
        }
    }
    for (const auto &each : around.routes) {
        if (!is_local(each.destination) && !ours(each.index, each.interface_name) &&
            !is_planned_route(plan, each) &&
            std::ranges::find(seen, each.destination) == seen.end()) {
            add_overlaps(plan, each.destination, "the route " + each.text(), items);
        }
    }
    return items;
}

} // namespace k2s::network
