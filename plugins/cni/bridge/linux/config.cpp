// SPDX-License-Identifier: MIT
#include "bridge/linux/config.hpp"

#include <set>

namespace k2s::cni {
namespace {

constexpr int64_t k_last_vlan = 4094;
constexpr int64_t k_smallest_mtu = 68; // RFC 791
constexpr int64_t k_largest_mtu = 65535;
constexpr std::size_t k_longest_name = 15;

Result<void> read_flags(const Json &json, BridgeConfig &config) {
    const std::pair<const char *, bool *> flags[]{
        {"isGateway", &config.gateway},
        {"isDefaultGateway", &config.default_gateway},
        {"forceAddress", &config.force_address},
        {"ipMasq", &config.masquerade},
        {"hairpinMode", &config.hairpin},
        {"promiscMode", &config.promiscuous},
        {"portIsolation", &config.port_isolation},
        {"preserveDefaultVlan", &config.preserve_default_vlan},
        {"macspoofchk", &config.spoof_check},
        {"enabledad", &config.enable_dad},
        {"disableContainerInterface", &config.disable_container_interface},
    };
    for (const auto &[name, target] : flags) {
        auto flag = flag_member(json, name);
        if (!flag) {
            return pass(flag);
        }
        *target = *flag;
    }
    config.gateway = config.gateway || config.default_gateway;
    return {};
}

Result<std::optional<int64_t>> vlan_member(const Json &json, const char *name) {
    auto id = integer_member(json, name);
    if (id && *id && (**id <= 0 || **id > k_last_vlan)) {
        return fail(k_bad_config, "incorrect trunk {} parameter: {} is not between 1 and {}", name,
                    **id, k_last_vlan);
    }
    return id;
}

Result<void> read_vlans(const Json &json, BridgeConfig &config) {
    auto vlan = integer_member(json, "vlan");
    if (!vlan) {
        return pass(vlan);
    }
    const int64_t id = vlan->value_or(0);
    if (id < 0 || id > k_last_vlan) {
        return fail(k_bad_config, "invalid VLAN ID {} (must be between 0 and {})", id, k_last_vlan);
    }
    config.vlan = static_cast<uint16_t>(id);
    auto trunk = array_member(json, "vlanTrunk");
    if (!trunk) {
        return pass(trunk);
    }
    config.filters_vlans = id != 0 || member(json, "vlanTrunk") != nullptr;
    std::set<uint16_t> ids;
    for (const auto &item : *trunk) {
        auto first = vlan_member(item, "minID");
        auto last = vlan_member(item, "maxID");
        auto single = vlan_member(item, "id");
        for (auto *one : {&first, &last, &single}) {
            if (!*one) {
                return pass(*one);
            }
        }
        if (first->has_value() != last->has_value()) {
            return fail(k_bad_config,
                        "minID and maxID should be configured simultaneously, {} is missing",
                        *first ? "maxID" : "minID");
        }
        if (*first && **last < **first) {
            return fail(k_bad_config, "minID is greater than maxID in trunk parameter");
        }
        for (int64_t each = first->value_or(1); *first && each <= **last; ++each) {
            ids.insert(static_cast<uint16_t>(each));
        }
        if (*single) {
            ids.insert(static_cast<uint16_t>(**single));
        }
    }
    config.trunk.assign(ids.begin(), ids.end());
    return {};
}

/// The last word has runtimeConfig, then args, then CNI_ARGS.
Result<void> read_mac(const Request &request, BridgeConfig &config) {
    auto pairs = read_args(request.args, {"MAC", "IP"});
    auto args = object_member(request.config, "args");
    auto runtime = object_member(request.config, "runtimeConfig");
    if (!pairs) {
        return pass(pairs);
    }
    if (!args || !runtime) {
        return args ? pass(runtime) : pass(args);
    }
    auto cni = object_member(*args, "cni");
    if (!cni) {
        return pass(cni);
    }
    std::string said = (*pairs)["MAC"];
    for (const Json *source : {&*cni, &*runtime}) {
        auto text = text_member(*source, "mac");
        if (!text) {
            return pass(text);
        }
        said = text->empty() ? said : *text;
    }
    if (!said.empty()) {
        config.mac = netlink::Mac::parse(said);
        if (!config.mac || (config.mac->bytes[0] & 1) != 0) {
            return fail(k_bad_config,
                        "the MAC address \"{}\" has to be like 02:11:22:33:44:55, and no group's",
                        said);
        }
    }
    return {};
}

Result<void> read_backend(const Json &json, BridgeConfig &config) {
    auto backend = text_member(json, "ipMasqBackend", "nftables");
    if (!backend) {
        return pass(backend);
    }
    if (*backend != "nftables" && *backend != "iptables") {
        return fail(k_bad_config, "unknown ipmasq backend \"{}\": nftables and iptables exist",
                    *backend);
    }
    config.masquerade_backend = std::move(*backend);
    return {};
}

Result<void> read_rest(const Json &json, BridgeConfig &config) {
    auto name = text_member(json, "bridge", config.bridge);
    auto mtu = integer_member(json, "mtu");
    auto ipam = object_member(json, "ipam");
    auto dns = object_member(json, "dns");
    if (!name) {
        return pass(name);
    }
    if (!mtu) {
        return pass(mtu);
    }
    if (!ipam || !dns) {
        return ipam ? pass(dns) : pass(ipam);
    }
    if (name->empty() || name->size() > k_longest_name || *name == "." || *name == ".." ||
        name->find_first_of("/: \t\r\n\v\f") != std::string::npos) {
        return fail(k_bad_config,
                    "\"bridge\" is \"{}\", but an interface name has 1 to {} bytes, none of them "
                    "'/', ':' or white space",
                    *name, k_longest_name);
    }
    config.bridge = std::move(*name);
    const int64_t size = mtu->value_or(0);
    if (size != 0 && (size < k_smallest_mtu || size > k_largest_mtu)) {
        return fail(k_bad_config, "\"mtu\" is {}, but has to be between {} and {}", size,
                    k_smallest_mtu, k_largest_mtu);
    }
    config.mtu = static_cast<uint32_t>(size);
    auto type = text_member(*ipam, "type");
    if (!type) {
        return pass(type);
    }
    config.ipam_type = std::move(*type);
    auto parsed = dns_from(*dns);
    if (!parsed) {
        return pass(parsed);
    }
    config.dns = std::move(*parsed);
    return {};
}

} // namespace

std::string gateway_name(const BridgeConfig &config) {
    return config.vlan == 0 ? config.bridge : fmt::format("{}.{}", config.bridge, config.vlan);
}

Result<BridgeConfig> read_bridge_config(const Request &request) {
    BridgeConfig config;
    for (auto *read : {read_flags, read_vlans, read_backend, read_rest}) {
        if (auto done = read(request.config, config); !done) {
            return pass(done);
        }
    }
    if (auto done = read_mac(request, config); !done) {
        return pass(done);
    }
    if (config.layer3() && config.disable_container_interface) {
        return fail(k_bad_config,
                    "cannot use IPAM when disableContainerInterface flag is set: leave out one");
    }
    if (config.hairpin && config.promiscuous) {
        return fail(k_bad_config, "cannot set hairpin mode and promiscuous mode at the same time: "
                                  "leave out hairpinMode or promiscMode");
    }
    return config;
}

} // namespace k2s::cni
