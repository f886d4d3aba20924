// SPDX-License-Identifier: MIT
#include "bridge/linux/container.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>

#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include "bridge/linux/ports.hpp"

namespace k2s::cni {
namespace {

using netlink::Batch;
using netlink::LinkAddress;
using netlink::Message;

constexpr std::chrono::milliseconds k_settle_deadline{5000}; // the reference's

bool is_v6(const IpConfig &ip) {
    return !ip.address.address.is_v4();
}

} // namespace

void ContainerEnd::put_up(Batch &batch) {
    Message message(RTM_SETLINK, NLM_F_ACK);
    auto &about = message.extra<ifinfomsg>();
    about.ifi_index = static_cast<int>(index_);
    about.ifi_flags = about.ifi_change = IFF_UP;
    batch.add(message, "set up the interface " + name_);
}

Result<void> ContainerEnd::set_up() {
    Batch batch;
    put_up(batch);
    return socket_.send(batch);
}

Result<void> ContainerEnd::prepare(bool v6, bool duplicate_detection) {
    // Without IPv6 in the kernel these do not exist, and nothing is amiss.
    if (duplicate_detection) {
        (void)netlink::write_sysctl(fmt::format("ipv6/conf/{}/enhanced_dad", name_), "1");
    }
    (void)netlink::write_sysctl(fmt::format("ipv6/conf/{}/accept_dad", name_),
                                duplicate_detection ? "1" : "0");
    // Neighbours learn at once that an address has moved.
    (void)netlink::write_sysctl(fmt::format("ipv4/conf/{}/arp_notify", name_), "1");
    if (!v6) {
        return {};
    }
    for (const auto &name : {std::string("lo"), name_}) {
        const auto disabled = fmt::format("ipv6/conf/{}/disable_ipv6", name);
        if (const auto value = netlink::read_sysctl(disabled); value && *value != "0") {
            if (auto written = netlink::write_sysctl(disabled, "0"); !written) {
                return written;
            }
        }
    }
    return netlink::write_sysctl(fmt::format("ipv6/conf/{}/keep_addr_on_down", name_), "1");
}

void ContainerEnd::put_route(Batch &batch, const Route &route, const Attachment &attachment) {
    const Prefix &to = route.destination;
    const bool v4 = to.address.is_v4();
    auto gateway = route.gateway;
    if (!gateway) {
        for (const auto &ip : attachment.ips) {
            if (ip.gateway && ip.gateway->is_v4() == v4) {
                gateway = ip.gateway;
                break;
            }
        }
    }
    Message message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_ACK);
    auto &about = message.extra<rtmsg>();
    about.rtm_family = v4 ? AF_INET : AF_INET6;
    about.rtm_dst_len = static_cast<uint8_t>(to.length);
    about.rtm_protocol = RTPROT_BOOT;
    about.rtm_scope = static_cast<uint8_t>(route.scope.value_or(RT_SCOPE_UNIVERSE));
    about.rtm_type = RTN_UNICAST;
    const auto table = static_cast<uint32_t>(route.table.value_or(0));
    about.rtm_table = RT_TABLE_UNSPEC;
    message.put_u32(RTA_TABLE, table == 0 ? uint32_t{RT_TABLE_MAIN} : table);
    message.put_u32(RTA_OIF, index_);
    if (to.length > 0) {
        message.put(RTA_DST, to.address.data(), to.address.size());
    }
    if (gateway) {
        message.put(RTA_GATEWAY, gateway->data(), gateway->size());
    }
    if (route.priority) {
        message.put_u32(RTA_PRIORITY, static_cast<uint32_t>(*route.priority));
    }
    if (route.mtu || route.advmss) {
        message.nest(RTA_METRICS, [&] {
            if (route.mtu) {
                message.put_u32(RTAX_MTU, static_cast<uint32_t>(*route.mtu));
            }
            if (route.advmss) {
                message.put_u32(RTAX_ADVMSS, static_cast<uint32_t>(*route.advmss));
            }
        });
    }
    batch.add(message,
              fmt::format("add the route to {}{}", to.text(),
                          gateway ? " via " + gateway->text() : std::string()),
              EEXIST); // isDefaultGateway and "routes" may both say it
}

Result<void> ContainerEnd::configure(const Attachment &attachment, bool duplicate_detection) {
    const bool v6 = std::ranges::any_of(attachment.ips, is_v6);
    if (auto prepared = prepare(v6, duplicate_detection); !prepared) {
        return prepared;
    }
    Batch link;
    for (const auto &ip : attachment.ips) {
        put_address(link, index_, ip.address, 0);
    }
    put_up(link);
    // A route through an address that is still being probed would not be taken.
    if (!v6) {
        for (const auto &route : attachment.routes) {
            put_route(link, route, attachment);
        }
        return socket_.send(link);
    }
    if (auto sent = socket_.send(link); !sent) {
        return sent;
    }
    if (auto settled = wait_for_addresses(); !settled) {
        return settled;
    }
    Batch routes;
    for (const auto &route : attachment.routes) {
        put_route(routes, route, attachment);
    }
    return routes.empty() ? Result<void>() : socket_.send(routes);
}

Result<void> ContainerEnd::wait_for_addresses() {
    Result<void> outcome;
    const auto settled = [&]() -> Result<bool> {
        auto list = netlink::list_addresses(socket_, index_);
        if (!list) {
            return pass(list);
        }
        bool all = true;
        for (const auto &address : *list) {
            if ((address.flags & IFA_F_DADFAILED) != 0) {
                return fail(k_internal,
                            "link {} has address {} in DADFAILED state: another host has it", name_,
                            address.prefix.text());
            }
            all = all && (address.flags & IFA_F_TENTATIVE) == 0;
        }
        return all;
    };
    if (auto done = settled(); !done || *done) {
        return done ? Result<void>() : pass(done);
    }
    // The socket of the namespace that the thread is in.
    auto changes = netlink::Socket::open(NETLINK_ROUTE);
    if (!changes) {
        return pass(changes);
    }
    if (auto joined = changes->join(RTNLGRP_IPV6_IFADDR); !joined) {
        return joined;
    }
    const auto look = [&] {
        auto done = settled();
        outcome = done ? Result<void>() : pass(done);
        return !done || *done;
    };
    if (look()) {
        return outcome;
    }
    auto reached = changes->wait(
        [&](const nlmsghdr *message) {
            return (message == nullptr || message->nlmsg_type == RTM_NEWADDR) && look();
        },
        k_settle_deadline);
    if (!reached) {
        return pass(reached);
    }
    return *reached ? outcome
                    : fail(k_internal, "link {} still has tentative addresses after {} ms", name_,
                           k_settle_deadline.count());
}

} // namespace k2s::cni
