// SPDX-License-Identifier: MIT
#include "bridge/linux/ports.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <iterator>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/if.h>
#include <linux/if_bridge.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

#include "spec/files.hpp"

namespace k2s::cni {
namespace {

using netlink::Batch;
using netlink::Link;
using netlink::Mac;
using netlink::Message;

// The reference gives a port 2.55 s.
constexpr std::chrono::milliseconds k_port_deadline{3000};
constexpr int k_name_attempts = 5;

std::string random_name() {
    const Mac mac = Mac::random();
    return fmt::format("veth{:02x}{:02x}{:02x}{:02x}", mac.bytes[2], mac.bytes[3], mac.bytes[4],
                       mac.bytes[5]);
}

void put_mac(Message &message, const Mac &mac) {
    message.put(IFLA_ADDRESS, mac.bytes.data(), mac.bytes.size());
}

Message &set_up(Message &message, uint32_t index, uint32_t flags) {
    auto &about = message.extra<ifinfomsg>();
    about.ifi_index = static_cast<int>(index);
    about.ifi_flags = about.ifi_change = flags;
    return message;
}

/// VLAN ids of a port: RTM_SETLINK adds, RTM_DELLINK removes.
void put_vlan(Batch &batch, uint16_t type, const Link &port, uint16_t id, uint16_t flags) {
    Message message(type, NLM_F_ACK);
    auto &about = message.extra<ifinfomsg>();
    about.ifi_family = AF_BRIDGE;
    about.ifi_index = static_cast<int>(port.index);
    const bridge_vlan_info info{flags, id};
    message.nest(IFLA_AF_SPEC, [&] {
        message.put_u16(IFLA_BRIDGE_FLAGS, BRIDGE_FLAGS_MASTER);
        message.put(IFLA_BRIDGE_VLAN_INFO, &info, sizeof(info));
    });
    batch.add(message, fmt::format("{} VLAN {} of interface {}",
                                   type == RTM_SETLINK ? "set" : "remove", id, port.name));
}

} // namespace

void put_delete(Batch &batch, uint32_t index, const std::string &name) {
    Message message(RTM_DELLINK, NLM_F_ACK);
    message.extra<ifinfomsg>().ifi_index = static_cast<int>(index);
    if (index == 0) {
        message.put_text(IFLA_IFNAME, name);
    }
    batch.add(message, "delete the interface " + name, ENODEV);
}

Ports::Ports(netlink::Socket &socket, const BridgeConfig &config, std::string lock_folder)
    : socket_(socket), config_(config), lock_folder_(std::move(lock_folder)) {
    // Shared: users of a bridge do not wait for each other. Without it a failed ADD leaves the
    // bridge.
    const auto path = fmt::format("{}/bridge-{}.lock", lock_folder_, config.bridge);
    const auto open_lock = [&] {
        lock_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        return lock_ >= 0 || errno != ENOENT;
    };
    if (!open_lock() && make_folders(lock_folder_)) {
        open_lock();
    }
    if (lock_ >= 0) {
        flock(lock_, LOCK_SH);
    }
}

Ports::~Ports() {
    if (lock_ >= 0) {
        close(lock_);
    }
}

Result<void> Ports::create_bridge() {
    Message message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK);
    set_up(message, 0, IFF_UP).put_text(IFLA_IFNAME, config_.bridge);
    if (config_.mtu != 0) {
        message.put_u32(IFLA_MTU, config_.mtu);
    }
    // An address of its own: otherwise the lowest of its ports', which changes as pods come and go.
    put_mac(message, Mac::random());
    message.nest(IFLA_LINKINFO, [&] {
        message.put_text(IFLA_INFO_KIND, "bridge");
        if (config_.filters_vlans) {
            message.nest(IFLA_INFO_DATA, [&] { message.put_u8(IFLA_BR_VLAN_FILTERING, 1); });
        }
    });
    Batch batch;
    batch.add(message, "create the bridge " + config_.bridge, EEXIST);
    return socket_.send(batch);
}

bool Ports::lock_alone() {
    return lock_ >= 0 && flock(lock_, LOCK_EX | LOCK_NB) == 0;
}

void Ports::share() {
    if (lock_ >= 0) {
        flock(lock_, LOCK_SH);
    }
}

Result<std::vector<uint32_t>> Ports::plugged() {
    auto bridge = netlink::find_link(socket_, config_.bridge);
    if (!bridge || !*bridge) {
        return bridge ? fail(k_internal, "the bridge {} went away", config_.bridge) : pass(bridge);
    }
    auto links = netlink::list_links(socket_, (*bridge)->index);
    if (!links) {
        return pass(links);
    }
    std::vector<uint32_t> ports;
    std::ranges::transform(*links, std::back_inserter(ports), &Link::index);
    return ports;
}

std::vector<uint32_t> Ports::lock_and_see() {
    auto ports = lock_alone() ? plugged() : fail(k_try_later, "others are at work");
    return ports ? std::move(*ports) : std::vector<uint32_t>();
}

bool Ports::unused(const std::vector<uint32_t> &besides) {
    // Alone with it: whoever looked it up a moment ago has the lock as well.
    const auto ports = lock_alone() ? plugged() : fail(k_try_later, "others are at work");
    return ports && std::ranges::all_of(*ports, [&](uint32_t port) {
               return std::ranges::find(besides, port) != besides.end();
           });
}

void Ports::remove_unused_bridge() {
    if (unused({})) {
        Batch batch;
        put_delete(batch, 0, config_.bridge);
        (void)socket_.send(batch);
    }
}

void Ports::take_back_shared() {
    while (!shared_.empty()) {
        shared_.back()();
        shared_.pop_back();
    }
}

Result<Link> Ports::ensure_bridge(Journal &journal) {
    auto found = netlink::find_link(socket_, config_.bridge);
    if (found && !*found) {
        if (auto made = create_bridge(); !made) {
            return pass(made);
        }
        journal.on_failure([this] { remove_unused_bridge(); });
        (void)netlink::write_sysctl(fmt::format("ipv6/conf/{}/accept_ra", config_.bridge), "0");
        found = netlink::find_link(socket_, config_.bridge);
    }
    if (!found) {
        return pass(found);
    }
    if (!*found || (*found)->kind != "bridge") {
        return fail(k_internal,
                    "\"{}\" already exists but is not a bridge; \"bridge\" can name another",
                    config_.bridge);
    }
    // Runs when this ADD's own port is gone again, which would look like somebody's.
    journal.on_failure([this] { take_back_shared(); });
    Link bridge = std::move(**found);
    if (config_.filters_vlans && !bridge.vlan_filtering.value_or(false)) {
        return fail(k_internal,
                    "the bridge {0} does not filter VLANs, but the configuration has vlan or "
                    "vlanTrunk: \"ip link set {0} type bridge vlan_filtering 1\", or name another "
                    "bridge",
                    config_.bridge);
    }
    const uint32_t wanted = config_.promiscuous ? IFF_UP | IFF_PROMISC : IFF_UP;
    if ((bridge.flags & wanted) != wanted) {
        Message message(RTM_SETLINK, NLM_F_ACK);
        set_up(message, bridge.index, wanted);
        Batch batch;
        batch.add(message, "set up the bridge " + config_.bridge);
        if (auto sent = socket_.send(batch); !sent) {
            return pass(sent);
        }
    }
    return bridge;
}

Result<Ports::Pair> Ports::add_pair(const Link &bridge, const PairNames &names,
                                    const netlink::NetworkNamespace &netns, Journal &journal) {
    Pair pair;
    pair.container_mac = config_.mac.value_or(Mac::random());
    const Mac host_mac = Mac::random();
    std::string name = names.host;
    for (int attempt = 0;; ++attempt) {
        auto taken = netlink::find_link(socket_, name);
        if (!taken) {
            return pass(taken);
        }
        if (!*taken) {
            break;
        }
        // A name of ours that another attachment has by chance gets a random one instead.
        if ((*taken)->alias == names.alias || attempt == k_name_attempts) {
            return fail(k_internal, "the interface {} already exists: DEL it first", name);
        }
        name = random_name();
    }
    Message message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK);
    set_up(message, 0, IFF_UP).put_text(IFLA_IFNAME, name).put_u32(IFLA_MASTER, bridge.index);
    put_mac(message, host_mac);
    const auto put_mtu = [&] {
        if (config_.mtu != 0) {
            message.put_u32(IFLA_MTU, config_.mtu);
        }
    };
    put_mtu();
    message.nest(IFLA_LINKINFO, [&] {
        message.put_text(IFLA_INFO_KIND, "veth");
        message.nest(IFLA_INFO_DATA, [&] {
            message.nest(VETH_INFO_PEER, [&] {
                message.extra<ifinfomsg>();
                message.put_text(IFLA_IFNAME, names.container);
                put_mac(message, pair.container_mac);
                put_mtu();
                message.put_u32(IFLA_NET_NS_FD, static_cast<uint32_t>(netns.file()));
            });
        });
    });
    // Marked with the same system call: whoever is killed leaves nothing that GC does not know.
    Message mark(RTM_NEWLINK, NLM_F_ACK);
    mark.extra<ifinfomsg>();
    mark.put_text(IFLA_IFNAME, name);
    mark.put(IFLA_IFALIAS, names.alias.data(), names.alias.size());
    if (config_.hairpin || config_.port_isolation) {
        mark.nest(IFLA_LINKINFO, [&] {
            mark.put_text(IFLA_INFO_SLAVE_KIND, "bridge");
            mark.nest(IFLA_INFO_SLAVE_DATA, [&] {
                mark.put_u8(IFLA_BRPORT_MODE, config_.hairpin ? 1 : 0);
                mark.put_u8(IFLA_BRPORT_ISOLATED, config_.port_isolation ? 1 : 0);
            });
        });
    }
    Batch batch;
    batch.add(message, "make a pair of interfaces", EEXIST);
    batch.add(mark, "set up the port " + name, ENODEV);
    std::vector<int> errors;
    auto sent = socket_.send(batch, {}, &errors);
    if (errors.size() == 2 && errors[0] == 0) {
        journal.on_failure([this, name] {
            Batch batch;
            put_delete(batch, 0, name);
            (void)socket_.send(batch);
        });
    }
    if (!sent) {
        return pass(sent);
    }
    if (errors[0] == EEXIST) {
        return fail(k_internal, "the interface {} already exists: DEL it first", names.container);
    }
    auto made = netlink::find_link(socket_, name);
    if (!made || !*made) {
        return made ? fail(k_internal,
                           "the interface {} went away at once: the container's network "
                           "namespace may be gone",
                           name)
                    : pass(made);
    }
    pair.host = std::move(**made);
    pair.container_index = pair.host.peer;
    (void)netlink::write_sysctl(fmt::format("ipv6/conf/{}/accept_ra", name), "0");
    if (auto set = set_vlans(pair.host, config_.trunk); !set) {
        return pass(set);
    }
    return pair;
}

Result<void> Ports::set_vlans(const Link &port, const std::vector<uint16_t> &trunk) {
    if (!config_.filters_vlans) {
        return {};
    }
    Batch batch;
    if (!config_.preserve_default_vlan && (config_.vlan != 0 || !trunk.empty())) {
        auto present = netlink::list_port_vlans(socket_, port.index);
        if (!present) {
            return pass(present);
        }
        for (const auto &vlan : *present) {
            put_vlan(batch, RTM_DELLINK, port, vlan.id, 0);
        }
    }
    constexpr uint16_t native = BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED;
    if (config_.vlan != 0) {
        put_vlan(batch, RTM_SETLINK, port, config_.vlan, native);
    }
    for (const uint16_t id : trunk) {
        put_vlan(batch, RTM_SETLINK, port, id, 0);
    }
    if (config_.vlan == 0 && !trunk.empty()) {
        put_vlan(batch, RTM_SETLINK, port, 1,
                 native); // as the reference: untagged frames are VLAN 1
    }
    return batch.empty() ? Result<void>() : socket_.send(batch);
}

Result<Link> Ports::gateway_interface(const Link &bridge, const netlink::NetworkNamespace &own) {
    if (config_.vlan == 0) {
        return bridge;
    }
    const std::string name = gateway_name(config_);
    auto found = netlink::find_link(socket_, name);
    if (!found) {
        return pass(found);
    }
    if (!*found) {
        BridgeConfig plain = config_;
        plain.hairpin = plain.port_isolation = false;
        plain.trunk.clear();
        plain.mac.reset();
        auto known = lock_and_see();
        share();
        Ports others(socket_, plain, lock_folder_);
        Journal steps; // undone right here: afterwards other pods may use the interface
        auto pair = others.add_pair(bridge, {random_name(), name, "k2s-cni gateway"}, own, steps);
        if (!pair) {
            return pass(pair);
        }
        Message message(RTM_SETLINK, NLM_F_ACK);
        set_up(message, pair->container_index, IFF_UP);
        Batch batch;
        batch.add(message, "set up the interface " + name);
        if (auto sent = socket_.send(batch); !sent) {
            return pass(sent);
        }
        steps.keep();
        known.push_back(pair->host.index);
        shared_.push_back([this, name, known = std::move(known)] {
            if (unused(known)) {
                Batch undo;
                put_delete(undo, 0, name);
                (void)socket_.send(undo);
            }
        });
        found = netlink::find_link(socket_, name);
    }
    if (!found || !*found) {
        return found ? fail(k_internal, "the interface {} went away", name) : pass(found);
    }
    return **found;
}

Result<void> Ports::wait_until_up(const Link &port) {
    const auto is_up = [&]() -> Result<bool> {
        auto link = netlink::find_link(socket_, port.name);
        if (!link || !*link) {
            return link ? fail(k_internal, "the bridge port {} is gone", port.name) : pass(link);
        }
        return (*link)->operstate == IF_OPER_UP;
    };
    if (auto up = is_up(); !up || *up) {
        return up ? Result<void>() : pass(up);
    }
    auto changes = netlink::Socket::open(NETLINK_ROUTE);
    if (!changes) {
        return pass(changes);
    }
    if (auto joined = changes->join(RTNLGRP_LINK); !joined) {
        return joined;
    }
    if (auto up = is_up(); !up || *up) {
        return up ? Result<void>() : pass(up);
    }
    auto reached = changes->wait(
        [&](const nlmsghdr *message) {
            if (message == nullptr) {
                const auto up = is_up();
                return up && *up;
            }
            if (message->nlmsg_type != RTM_NEWLINK) {
                return false;
            }
            const Link link = netlink::read_link(message);
            return link.index == port.index && link.operstate == IF_OPER_UP;
        },
        k_port_deadline);
    if (!reached) {
        return pass(reached);
    }
    return *reached ? Result<void>()
                    : fail(k_internal, "bridge port in error state: {} was not up within {} ms",
                           port.name, k_port_deadline.count());
}

} // namespace k2s::cni
