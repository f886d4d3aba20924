// SPDX-License-Identifier: MIT
#include "bridge/windows/policies.hpp"

#include <algorithm>
#include <charconv>

namespace k2s::cni {
namespace {

constexpr int k_acl_priority = 1000;
constexpr std::size_t k_most_mappings = 1024;

/// A name or a number (IANA).
std::optional<unsigned> protocol_number(std::string name) {
    std::ranges::transform(name, name.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    constexpr std::pair<std::string_view, unsigned> known[]{
        {"tcp", 6}, {"udp", 17}, {"icmpv4", 1}, {"icmpv6", 58}, {"igmp", 2}};
    for (const auto &[text, number] : known) {
        if (text == name) {
            return number;
        }
    }
    unsigned number = 0;
    const auto [stop, failed] = std::from_chars(name.data(), name.data() + name.size(), number);
    return failed == std::errc() && stop == name.data() + name.size() && number <= 255
               ? std::optional(number)
               : std::nullopt;
}

Result<int64_t> port(const Json &mapping, const char *name) {
    auto number = integer_member(mapping, name);
    if (!number) {
        return pass(number);
    }
    const int64_t value = number->value_or(0);
    return value > 0 && value <= 65535
               ? Result<int64_t>(value)
               : fail(k_bad_config,
                      "\"portMappings\": \"{}\" is {}, but has to be between 1 and 65535", name,
                      value);
}

} // namespace

Result<Json> port_mapping_policies(const Json &mappings, const BridgeConfig &config) {
    Json policies = Json::array();
    if (mappings.size() > k_most_mappings) {
        return fail(k_bad_config, "\"portMappings\" has more than {} entries", k_most_mappings);
    }
    for (const auto &mapping : mappings) {
        auto host = port(mapping, "hostPort");
        auto container = port(mapping, "containerPort");
        auto protocol = text_member(mapping, "protocol", "tcp");
        auto address = address_member(mapping, "hostIP");
        if (!host || !container) {
            return host ? pass(container) : pass(host);
        }
        if (!protocol || !address) {
            return protocol ? pass(address) : pass(protocol);
        }
        const auto number = protocol_number(*protocol);
        if (!number) {
            return fail(
                k_bad_config,
                "\"portMappings\": the protocol \"{}\" is not known: tcp, udp, icmpv4, icmpv6, "
                "igmp or a number up to 255",
                *protocol);
        }
        Json settings{{"Protocol", *number},
                      {"InternalPort", *container},
                      {"ExternalPort", *host},
                      {"Flags", config.local_routed_port_mapping ? 1 : 0}};
        if (*address) {
            settings["VIP"] = (*address)->text();
        }
        policies.push_back({{"Type", "PortMapping"}, {"Settings", std::move(settings)}});
        if (config.acl_port_mapping) {
            policies.push_back({{"Type", "ACL"},
                                {"Settings",
                                 {{"Protocols", std::to_string(*number)},
                                  {"Action", "Allow"},
                                  {"Direction", "In"},
                                  {"LocalPorts", std::to_string(*container)},
                                  {"Priority", k_acl_priority}}}});
        }
    }
    return policies;
}

Json loopback_policy(const Address &address) {
    return {{"Type", "OutBoundNAT"}, {"Settings", {{"Destinations", {address.text()}}}}};
}

Json mesh_request(const Json &settings) {
    Json policy{{"Type", k_mesh_policy}, {"Settings", settings}};
    return {{"ResourceType", "Policy"},
            {"RequestType", "Add"},
            {"Settings", {{"Policies", Json::array({std::move(policy)})}}}};
}

} // namespace k2s::cni
