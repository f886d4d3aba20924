// SPDX-License-Identifier: MIT
#include "bridge/linux/ports.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <linux/rtnetlink.h>

namespace k2s::cni {
namespace {

using netlink::Batch;
using netlink::Link;
using netlink::LinkAddress;
using netlink::Message;

/// What the kernel said of an address or a route, to be said again: with label, scope, lifetime.
struct Said {
    std::string what, body;
    uint16_t type;

    void put(Batch &batch) const {
        Message message(type, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK);
        message.append(body);
        batch.add(message, what, EEXIST);
    }
};

std::string body_of(const nlmsghdr *message) {
    return std::string(netlink::bytes_of(message));
}

bool in_the_way(const Prefix &other, const Prefix &address) {
    const bool v4 = address.address.is_v4();
    // IPv6 may have several, as long as their networks are different ones.
    return other.address.is_v4() == v4 &&
           (v4 || other.contains(address.address) || address.contains(other.address));
}

/// Those that are no consequence of an address: the kernel drops them with the last one.
Result<void> save_routes(netlink::Socket &socket, uint32_t index, bool v4,
                         std::vector<Said> &saved) {
    Message message(RTM_GETROUTE, NLM_F_DUMP);
    message.extra<rtmsg>().rtm_family = v4 ? AF_INET : AF_INET6;
    return socket.ask(message, "list the routes", [&](const nlmsghdr *answer) {
        const auto route = netlink::read_route(answer);
        auto about = netlink::header_of<rtmsg>(answer);
        if (!route || route->index != index || about.rtm_protocol == RTPROT_KERNEL ||
            about.rtm_protocol == RTPROT_RA) {
            return;
        }
        about.rtm_flags &= RTNH_F_ONLINK; // others are states, which the kernel refuses to be told
        auto body = body_of(answer);
        std::memcpy(body.data(), &about, sizeof(about));
        saved.push_back(
            {"restore the route to " + route->destination.text(), std::move(body), RTM_NEWROUTE});
    });
}

void put_removal(Batch &batch, uint32_t index, const Prefix &prefix) {
    Message message(RTM_DELADDR, NLM_F_ACK);
    auto &about = message.extra<ifaddrmsg>();
    about.ifa_family = prefix.address.is_v4() ? AF_INET : AF_INET6;
    about.ifa_prefixlen = static_cast<uint8_t>(prefix.length);
    about.ifa_index = index;
    message.put(IFA_LOCAL, prefix.address.data(), prefix.address.size());
    batch.add(message, "remove the address " + prefix.text(), EADDRNOTAVAIL);
}

} // namespace

void put_address(Batch &batch, uint32_t index, const Prefix &address, int tolerated) {
    const bool v4 = address.address.is_v4();
    Message message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK);
    auto &about = message.extra<ifaddrmsg>();
    about.ifa_family = v4 ? AF_INET : AF_INET6;
    about.ifa_prefixlen = static_cast<uint8_t>(address.length);
    about.ifa_index = index;
    const Address &own = address.address;
    message.put(IFA_LOCAL, own.data(), own.size()).put(IFA_ADDRESS, own.data(), own.size());
    if (v4 && address.length < 31) {
        const Address broadcast = own.filled(address.length);
        message.put(IFA_BROADCAST, broadcast.data(), broadcast.size());
    }
    batch.add(message, "add the address " + address.text(), tolerated);
}

Result<void> Ports::ensure_address(const Link &link, const Prefix &address) {
    auto present = netlink::list_addresses(socket_, link.index);
    if (!present) {
        return pass(present);
    }
    if (std::ranges::find(*present, address, &LinkAddress::prefix) != present->end()) {
        return {};
    }
    auto known = lock_and_see();
    if (link.name != config_.bridge) {
        known.push_back(link.peer);
    }
    auto changed = change_address(link, address, std::move(known));
    share();
    return changed;
}

Result<void> Ports::change_address(const Link &link, const Prefix &address,
                                   std::vector<uint32_t> known) {
    Batch batch;
    std::vector<Said> saved;
    std::string conflict;
    bool there = false;
    Message list(RTM_GETADDR, NLM_F_DUMP);
    list.extra<ifaddrmsg>().ifa_index = link.index;
    auto listed = socket_.ask(list, "list the addresses", [&](const nlmsghdr *answer) {
        const auto one = netlink::read_address(answer);
        if (!one || one->index != link.index) {
            return;
        }
        there = there || one->prefix == address;
        if (one->prefix != address && in_the_way(one->prefix, address)) {
            conflict = one->prefix.text();
            put_removal(batch, link.index, one->prefix);
            saved.push_back({"restore the address " + conflict, body_of(answer), RTM_NEWADDR});
        }
    });
    if (!listed || there) {
        return listed;
    }
    if (!saved.empty() && !config_.force_address) {
        return fail(k_internal,
                    "\"{}\" already has an IP address different from {}: {}; forceAddress would "
                    "replace it",
                    link.name, address.text(), conflict);
    }
    if (!saved.empty()) {
        if (auto done = save_routes(socket_, link.index, address.address.is_v4(), saved); !done) {
            return done;
        }
    }
    put_address(batch, link.index, address, EEXIST);
    // Said once, the bridge keeps it whatever ports come. Without a port it may have had another.
    auto now = netlink::find_link(socket_, link.name);
    if (!now || !*now) {
        return now ? fail(k_internal, "the interface {} went away", link.name) : pass(now);
    }
    Message pin(RTM_SETLINK, NLM_F_ACK);
    pin.extra<ifinfomsg>().ifi_index = static_cast<int>(link.index);
    pin.put(IFLA_ADDRESS, (*now)->mac.bytes.data(), (*now)->mac.bytes.size());
    batch.add(pin, "set the MAC address of " + link.name);
    shared_.push_back(
        [this, index = link.index, address, saved = std::move(saved), known = std::move(known)] {
            if (!unused(known)) {
                return;
            }
            Batch undo;
            put_removal(undo, index, address);
            for (const auto &one : saved) {
                one.put(undo);
            }
            (void)socket_.send(undo);
        });
    return socket_.send(batch);
}

} // namespace k2s::cni
