// SPDX-License-Identifier: MIT
#include "bridge/windows/config.hpp"

#include <algorithm>

#include "bridge/windows/policies.hpp"

namespace k2s::cni {
namespace {

/// What kubelet and containerd put into CNI_ARGS, and the conventions of the specification.
const std::vector<std::string_view> k_known_args{
    "K8S_POD_NAMESPACE", "K8S_POD_NAME", "K8S_POD_INFRA_CONTAINER_ID", "K8S_POD_UID", "MAC", "IP"};

Result<void> read_type(const Request &request, BridgeConfig &config) {
    auto type = text_member(request.config, "type", "bridge");
    if (!type) {
        return pass(type);
    }
    constexpr std::pair<std::string_view, const char *> types[]{{"bridge", "L2Bridge"},
                                                                {"sdnbridge", "L2Bridge"},
                                                                {"nat", "NAT"},
                                                                {"sdnoverlay", "Overlay"}};
    for (const auto &[name, hcn] : types) {
        if (name == *type) {
            config.network_type = hcn;
            return {};
        }
    }
    return fail(k_bad_config,
                "\"type\" is \"{}\", but this plugin knows bridge, sdnbridge, nat and sdnoverlay",
                *type);
}

Result<void> read_flags(const Request &request, BridgeConfig &config) {
    auto flags = object_member(request.config, "optionalFlags");
    if (!flags) {
        return pass(flags);
    }
    const std::pair<const char *, bool *> all[]{
        {"localRoutedPortMapping", &config.local_routed_port_mapping},
        {"allowAclPortMapping", &config.acl_port_mapping},
        {"forceBridgeGateway", &config.force_bridge_gateway},
        {"enableDualStack", &config.dual_stack},
        {"loopbackDSR", &config.loopback_dsr},
        {"gatewayFromAdditionalRoutes", &config.gateway_from_additional_routes},
    };
    for (const auto &[name, target] : all) {
        auto flag = flag_member(*flags, name);
        if (!flag) {
            return pass(flag);
        }
        *target = *flag;
    }
    return {};
}

Result<void> read_pod(const Request &request, BridgeConfig &config) {
    auto pairs = read_args(request.args, k_known_args);
    if (!pairs) {
        return pass(pairs);
    }
    config.pod = {(*pairs)["K8S_POD_NAME"], (*pairs)["K8S_POD_NAMESPACE"]};
    auto runtime = object_member(request.config, "runtimeConfig");
    auto said = runtime ? text_member(*runtime, "mac") : pass(runtime);
    if (!said) {
        return pass(said);
    }
    const std::string mac = said->empty() ? (*pairs)["MAC"] : *said;
    if (mac.empty()) {
        return {};
    }
    constexpr std::size_t length = 17;
    bool good = mac.size() == length;
    for (std::size_t i = 0; good && i < length; ++i) {
        const bool separator = i % 3 == 2;
        good = separator ? mac[i] == ':' || mac[i] == '-'
                         : std::string_view("0123456789abcdefABCDEF").find(mac[i]) !=
                               std::string_view::npos;
        config.mac += separator                        ? '-'
                      : mac[i] >= 'a' && mac[i] <= 'f' ? static_cast<char>(mac[i] - 'a' + 'A')
                                                       : mac[i];
    }
    return good
               ? Result<void>()
               : fail(k_bad_config, "the MAC address \"{}\" has to be like 02-11-22-33-44-55", mac);
}

Result<void> read_dns(const Request &request, BridgeConfig &config) {
    auto fixed = object_member(request.config, "dns");
    auto runtime = object_member(request.config, "runtimeConfig");
    auto asked = runtime ? object_member(*runtime, "dns") : pass(runtime);
    if (!fixed || !asked) {
        return fixed ? pass(asked) : pass(fixed);
    }
    auto dns = dns_from(*fixed);
    if (!dns) {
        return pass(dns);
    }
    // A pod looks for names in its own namespace first.
    if (!dns->search.empty() && !config.pod.name_space.empty()) {
        dns->search.front() = config.pod.name_space + "." + dns->search.front();
    }
    for (const auto &[name, target] : {std::pair{"servers", &dns->nameservers},
                                       {"searches", &dns->search},
                                       {"options", &dns->options}}) {
        auto list = texts_member(*asked, name);
        if (!list) {
            return pass(list);
        }
        if (!list->empty()) {
            *target = std::move(*list);
        }
    }
    config.dns = std::move(*dns);
    return {};
}

/// Subnets and gateway are only wanted for a network that has to be made; IPAM looks at the rest.
Result<void> read_ipam(const Request &request, BridgeConfig &config) {
    auto ipam = object_member(request.config, "ipam");
    if (!ipam) {
        return pass(ipam);
    }
    auto type = text_member(*ipam, "type");
    auto routes = array_member(*ipam, "routes");
    auto ranges = array_member(*ipam, "ranges");
    if (!type) {
        return pass(type);
    }
    if (!routes || !ranges) {
        return routes ? pass(ranges) : pass(routes);
    }
    config.ipam_type = std::move(*type);
    if (!routes->empty()) {
        auto gateway = address_member(routes->front(), "gw");
        if (!gateway) {
            return pass(gateway);
        }
        config.network_gateway = *gateway;
    }
    Json with_subnet = Json::array({*ipam});
    for (const auto &set : *ranges) {
        if (set.is_array()) {
            with_subnet.insert(with_subnet.end(), set.begin(), set.end());
        }
    }
    for (const auto &range : with_subnet) {
        auto subnet = prefix_member(range, "subnet");
        if (!subnet) {
            return pass(subnet);
        }
        if (*subnet) {
            config.subnets.push_back({(*subnet)->network(), (*subnet)->length});
        }
    }
    return {};
}

Result<void> read_routes(const Request &request, BridgeConfig &config) {
    auto routes = routes_member(request.config, "additionalRoutes");
    if (!routes) {
        return pass(routes);
    }
    config.additional_routes = std::move(*routes);
    return {};
}

Result<void> read_policies(const Request &request, BridgeConfig &config) {
    auto runtime = object_member(request.config, "runtimeConfig");
    auto mappings = runtime ? array_member(*runtime, "portMappings") : pass(runtime);
    auto policies = mappings ? port_mapping_policies(*mappings, config) : pass(mappings);
    auto more = array_member(request.config, "AdditionalArgs");
    if (!policies || !more) {
        return policies ? pass(more) : pass(policies);
    }
    config.endpoint_policies = std::move(*policies);
    for (const auto &item : *more) {
        auto name = text_member(item, "Name");
        if (!name) {
            return pass(name);
        }
        const Json *value = member(item, "Value");
        if (name->find("Policy") == std::string::npos) {
            continue;
        }
        if (value == nullptr || !value->is_object()) {
            return fail(k_bad_config, "\"AdditionalArgs\": the {} has no object as \"Value\"",
                        *name);
        }
        (*name == "NetworkPolicy" ? config.network_policies : config.endpoint_policies)
            .push_back(*value);
    }
    return {};
}

} // namespace

Result<BridgeConfig> read_bridge_config(const Request &request) {
    BridgeConfig config;
    for (auto *read :
         {read_type, read_flags, read_pod, read_dns, read_ipam, read_routes, read_policies}) {
        if (auto done = read(request, config); !done) {
            return pass(done);
        }
    }
    return config;
}

} // namespace k2s::cni
