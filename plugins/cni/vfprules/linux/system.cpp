// SPDX-License-Identifier: MIT
#include <algorithm>

#include <linux/netlink.h>
#include <net/if.h>

#include "netlink/link.hpp"
#include "vfprules/backend.hpp"

namespace k2s::vfprules {

bool ports_come_back() {
    return false;
}

bool rules_outlive_ports() {
    return true;
}

bool is_port_id(std::string_view text) {
    return !text.empty() && text.size() < IFNAMSIZ && text != "." && text != ".." &&
           std::ranges::all_of(text, [](char c) { return c > ' ' && c < 127 && c != '/'; });
}

std::string default_records() {
    return "/run/k2s/vfprules";
}

Expected<std::vector<LocalAddress>> local_addresses() {
    auto socket = cni::netlink::Socket::open(NETLINK_ROUTE);
    if (!socket) {
        return cni::as_error(socket.error());
    }
    auto links = cni::netlink::list_links(*socket, 0);
    auto present = cni::netlink::list_addresses(*socket, 0);
    if (!links || !present) {
        return cni::as_error(links ? present.error() : links.error());
    }
    std::vector<LocalAddress> addresses;
    for (const auto &each : *present) {
        const auto link = std::ranges::find(*links, each.index, &cni::netlink::Link::index);
        if (link != links->end()) {
            addresses.push_back({each.prefix.address, link->name, link->index, link->mac.bytes});
        }
    }
    return addresses;
}

} // namespace k2s::vfprules
