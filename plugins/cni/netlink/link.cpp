// SPDX-License-Identifier: MIT
#include "netlink/link.hpp"

#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/random.h>

#include "netlink/attributes.hpp"

namespace k2s::cni::netlink {
namespace {

int hex(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

void read_info(const nlattr *info, Link &link) {
    std::string port_of;
    each(info, [&](uint16_t type, const nlattr *attribute) {
        if (type == IFLA_INFO_KIND) {
            link.kind = text_of(attribute);
        } else if (type == IFLA_INFO_SLAVE_KIND) {
            port_of = text_of(attribute);
        } else if (type == IFLA_INFO_DATA && link.kind == "bridge") {
            each(attribute, [&](uint16_t kind, const nlattr *value) {
                if (kind == IFLA_BR_VLAN_FILTERING) {
                    link.vlan_filtering = value_of<uint8_t>(value) != 0;
                }
            });
        } else if (type == IFLA_INFO_SLAVE_DATA && port_of == "bridge") {
            each(attribute, [&](uint16_t kind, const nlattr *value) {
                if (kind == IFLA_BRPORT_MODE) {
                    link.hairpin = value_of<uint8_t>(value) != 0;
                } else if (kind == IFLA_BRPORT_ISOLATED) {
                    link.isolated = value_of<uint8_t>(value) != 0;
                }
            });
        }
    });
}

Address address_in(const nlattr *attribute) {
    return bytes_of(attribute).size() >= 16
               ? Address::from_bytes(bytes_of(attribute).data(), 16)
               : Address::from_bytes(value_of<std::array<uint8_t, 4>>(attribute).data(), 4);
}

Result<std::optional<Link>> ask_for_link(Socket &socket, Message &message,
                                         const std::string &which) {
    message.put_u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    std::optional<Link> link;
    auto asked = socket.ask(
        message, "look up the interface " + which,
        [&](const nlmsghdr *answer) { link = read_link(answer); }, ENODEV);
    return asked ? Result<std::optional<Link>>(std::move(link)) : pass(asked);
}

} // namespace

std::optional<Mac> Mac::parse(std::string_view text) {
    Mac mac;
    constexpr std::size_t length = 17;
    if (text.size() != length) {
        return std::nullopt;
    }
    for (std::size_t i = 0; i < mac.bytes.size(); ++i) {
        const int high = hex(text[i * 3]), low = hex(text[i * 3 + 1]);
        if (high < 0 || low < 0 || (i < 5 && text[i * 3 + 2] != ':' && text[i * 3 + 2] != '-')) {
            return std::nullopt;
        }
        mac.bytes[i] = static_cast<uint8_t>(high << 4 | low);
    }
    return mac;
}

Mac Mac::random() {
    Mac mac;
    (void)!getrandom(mac.bytes.data(), mac.bytes.size(), 0); // 6 bytes are never short
    mac.bytes[0] = static_cast<uint8_t>((mac.bytes[0] & 0xfe) | 0x02);
    return mac;
}

std::string Mac::text() const {
    return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", bytes[0], bytes[1], bytes[2],
                       bytes[3], bytes[4], bytes[5]);
}

Link read_link(const nlmsghdr *message) {
    Link link;
    const auto about = header_of<ifinfomsg>(message);
    link.index = static_cast<uint32_t>(about.ifi_index);
    link.flags = about.ifi_flags;
    each(message, sizeof(about), [&](uint16_t type, const nlattr *attribute) {
        switch (type) {
        case IFLA_IFNAME:
            link.name = text_of(attribute);
            break;
        case IFLA_IFALIAS:
            link.alias = text_of(attribute);
            break;
        case IFLA_LINK:
            link.peer = value_of<uint32_t>(attribute);
            break;
        case IFLA_LINK_NETNSID:
            link.peer_elsewhere = true;
            break;
        case IFLA_MASTER:
            link.master = value_of<uint32_t>(attribute);
            break;
        case IFLA_MTU:
            link.mtu = value_of<uint32_t>(attribute);
            break;
        case IFLA_PROMISCUITY:
            link.promiscuity = value_of<uint32_t>(attribute);
            break;
        case IFLA_OPERSTATE:
            link.operstate = value_of<uint8_t>(attribute);
            break;
        case IFLA_LINKINFO:
            read_info(attribute, link);
            break;
        case IFLA_ADDRESS:
            if (bytes_of(attribute).size() == link.mac.bytes.size()) {
                link.mac.bytes = value_of<decltype(link.mac.bytes)>(attribute);
            }
            break;
        default:
            break;
        }
    });
    return link;
}

Result<std::optional<Link>> find_link(Socket &socket, const std::string &name) {
    Message message(RTM_GETLINK, 0);
    message.extra<ifinfomsg>();
    message.put_text(IFLA_IFNAME, name);
    return ask_for_link(socket, message, name);
}

Result<std::optional<Link>> find_link(Socket &socket, uint32_t index) {
    Message message(RTM_GETLINK, 0);
    message.extra<ifinfomsg>().ifi_index = static_cast<int>(index);
    return ask_for_link(socket, message, fmt::format("with index {}", index));
}

Result<std::vector<Link>> list_links(Socket &socket, uint32_t master) {
    Message message(RTM_GETLINK, NLM_F_DUMP);
    message.extra<ifinfomsg>();
    message.put_u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    if (master != 0) {
        message.put_u32(IFLA_MASTER, master);
    }
    std::vector<Link> links;
    auto asked = socket.ask(message, "list the interfaces", [&](const nlmsghdr *answer) {
        Link link = read_link(answer);
        if (master == 0 || link.master == master) {
            links.push_back(std::move(link));
        }
    });
    return asked ? Result<std::vector<Link>>(std::move(links)) : pass(asked);
}

std::optional<LinkAddress> read_address(const nlmsghdr *message) {
    const auto about = header_of<ifaddrmsg>(message);
    LinkAddress result;
    result.index = about.ifa_index;
    result.flags = about.ifa_flags;
    bool found = false, local = false;
    each(message, sizeof(about), [&](uint16_t type, const nlattr *attribute) {
        if (type == IFA_FLAGS) {
            result.flags = value_of<uint32_t>(attribute);
        } else if (type == IFA_LOCAL || (type == IFA_ADDRESS && !local)) {
            result.prefix = {address_in(attribute), about.ifa_prefixlen};
            local = type == IFA_LOCAL;
            found = true;
        }
    });
    return found ? std::optional(result) : std::nullopt;
}

Result<std::vector<LinkAddress>> list_addresses(Socket &socket, uint32_t index) {
    Message message(RTM_GETADDR, NLM_F_DUMP);
    message.extra<ifaddrmsg>().ifa_index = index;
    std::vector<LinkAddress> addresses;
    auto asked = socket.ask(message, "list the addresses", [&](const nlmsghdr *answer) {
        if (auto address = read_address(answer);
            address && (index == 0 || address->index == index)) {
            addresses.push_back(*address);
        }
    });
    return asked ? Result<std::vector<LinkAddress>>(std::move(addresses)) : pass(asked);
}

std::optional<KernelRoute> read_route(const nlmsghdr *message) {
    const auto about = header_of<rtmsg>(message);
    if (about.rtm_type != RTN_UNICAST) {
        return std::nullopt;
    }
    KernelRoute route;
    const std::array<uint8_t, 16> zeroes{};
    route.destination = {Address::from_bytes(zeroes.data(), about.rtm_family == AF_INET ? 4 : 16),
                         about.rtm_dst_len};
    route.table = about.rtm_table;
    each(message, sizeof(about), [&](uint16_t type, const nlattr *attribute) {
        switch (type) {
        case RTA_DST:
            route.destination.address = address_in(attribute);
            break;
        case RTA_GATEWAY:
            route.gateway = address_in(attribute);
            break;
        case RTA_OIF:
            route.index = value_of<uint32_t>(attribute);
            break;
        case RTA_TABLE:
            route.table = value_of<uint32_t>(attribute);
            break;
        case RTA_PRIORITY:
            route.priority = value_of<uint32_t>(attribute);
            break;
        default:
            break;
        }
    });
    return route;
}

Result<std::vector<KernelRoute>> list_routes(Socket &socket, bool v4) {
    Message message(RTM_GETROUTE, NLM_F_DUMP);
    message.extra<rtmsg>().rtm_family = v4 ? AF_INET : AF_INET6;
    std::vector<KernelRoute> routes;
    auto asked = socket.ask(message, "list the routes", [&](const nlmsghdr *answer) {
        if (auto route = read_route(answer)) {
            routes.push_back(std::move(*route));
        }
    });
    return asked ? Result<std::vector<KernelRoute>>(std::move(routes)) : pass(asked);
}

void read_port_vlans(const nlmsghdr *message, uint32_t index, std::vector<PortVlan> &vlans) {
    const auto about = header_of<ifinfomsg>(message);
    if (static_cast<uint32_t>(about.ifi_index) != index) {
        return;
    }
    each(message, sizeof(about), [&](uint16_t outer, const nlattr *attribute) {
        if (outer != IFLA_AF_SPEC) {
            return;
        }
        each(attribute, [&](uint16_t type, const nlattr *value) {
            if (type == IFLA_BRIDGE_VLAN_INFO) {
                const auto info = value_of<bridge_vlan_info>(value);
                vlans.push_back({info.vid, info.flags});
            }
        });
    });
}

Result<std::vector<PortVlan>> list_port_vlans(Socket &socket, uint32_t index) {
    Message message(RTM_GETLINK, NLM_F_DUMP);
    message.extra<ifinfomsg>().ifi_family = AF_BRIDGE;
    message.put_u32(IFLA_EXT_MASK, RTEXT_FILTER_BRVLAN);
    std::vector<PortVlan> vlans;
    auto asked = socket.ask(message, "list the VLANs",
                            [&](const nlmsghdr *answer) { read_port_vlans(answer, index, vlans); });
    return asked ? Result<std::vector<PortVlan>>(std::move(vlans)) : pass(asked);
}

} // namespace k2s::cni::netlink
