// SPDX-License-Identifier: MIT
#include <algorithm>

#include "bridge/journal.hpp"
#include "bridge/windows/bridge.hpp"
#include "bridge/windows/policies.hpp"

namespace k2s::cni {
namespace {

using hcn::Kinds;
using hcn::Version;

constexpr unsigned k_bridge_host = 2; // the host's own endpoint, cbr0_ep: second in the subnet

Json schema() {
    return {{"Major", 2}, {"Minor", 0}};
}

Json route(const Address &next) {
    return {{"NextHop", next.text()}, {"DestinationPrefix", next.is_v4() ? "0.0.0.0/0" : "::/0"}};
}

Json dns_settings(const Dns &dns) {
    return {{"Domain", dns.domain},
            {"Search", dns.search},
            {"ServerList", dns.nameservers},
            {"Options", dns.options}};
}

Json network_settings(const Request &request, const BridgeConfig &config) {
    Json subnets = Json::array();
    for (const auto &subnet : config.subnets) {
        const bool told =
            config.network_gateway && config.network_gateway->is_v4() == subnet.address.is_v4();
        subnets.push_back({{"IpAddressPrefix", subnet.text()},
                           {"Routes", Json::array({route(told ? *config.network_gateway
                                                              : subnet.address.next())})}});
    }
    Json ipam{{"Type", "Static"}, {"Subnets", std::move(subnets)}};
    return {{"Name", request.network},         {"Type", config.network_type},
            {"SchemaVersion", schema()},       {"Policies", config.network_policies},
            {"Dns", dns_settings(config.dns)}, {"Ipams", Json::array({std::move(ipam)})}};
}

Address nth(const Prefix &subnet, unsigned n) {
    Address address = subnet.network();
    for (unsigned i = 0; i < n; ++i) {
        address = address.next();
    }
    return address;
}

/// The pod's way out, for one of its addresses.
Address gateway_for(const IpConfig &ip, const BridgeConfig &config) {
    const bool v4 = ip.address.address.is_v4();
    if (config.gateway_from_additional_routes) {
        for (const auto &one : config.additional_routes) {
            if (one.gateway && one.gateway->is_v4() == v4 && one.destination.length == 0) {
                return *one.gateway;
            }
        }
    }
    if (config.force_bridge_gateway) {
        return nth(ip.address, k_bridge_host);
    }
    if (config.network_gateway && config.network_gateway->is_v4() == v4) {
        return *config.network_gateway;
    }
    return ip.gateway ? *ip.gateway : nth(ip.address, 1);
}

Result<void> need_version(const hcn::Service &service, const char *feature,
                          bool (*good)(const Version &)) {
    auto version = service.version();
    if (!version) {
        return pass(version);
    }
    return good(*version)
               ? Result<void>()
               : fail(k_bad_config,
                      "{} needs a newer Windows: its Host Network Service has version {}.{}",
                      feature, version->major, version->minor);
}

bool has_policy(const Json &endpoint, const char *type) {
    const Json *policies = member(endpoint, "Policies");
    return policies != nullptr && policies->is_array() &&
           std::ranges::any_of(*policies,
                               [&](const Json &one) { return hcn::text_in(one, "Type") == type; });
}

bool has_dual_stack(const Version &version) {
    return version >= Version{11, 10};
}
bool has_dsr(const Version &version) {
    return (version.major == 9 && version.minor >= 3) || version >= Version{10, 2};
}
bool has_l4_proxy(const Version &version) {
    return version >= Version{13, 2};
}

} // namespace

/// An ADD in progress. The journal is gone before what it uses.
struct Bridge::Adding {
    const Request &request;
    BridgeConfig config;
    hcn::Service service;
    GUID name_space;
    std::optional<Ipam> ipam;
    std::optional<Json> mesh;
    GUID network{}, endpoint{};
    std::vector<IpConfig> addresses;
    Json properties;
    bool was_there = false;
    Journal journal;
};

Result<void> Bridge::find_network(Adding &state) const {
    auto found = state.service.find(Kinds::network, state.request.network);
    if (found && !*found) {
        if (state.config.subnets.empty()) {
            return fail(
                k_bad_config,
                "there is no HNS network \"{}\", and \"ipam\" has no subnet to make it with",
                state.request.network);
        }
        const GUID id = hcn::new_guid();
        state.journal.on_failure([&state, id] {
            // Others may have joined it meanwhile.
            const auto users =
                state.service.list(Kinds::endpoint, Json{{"HostComputeNetwork", hcn::text_of(id)}});
            if (users && users->empty()) {
                (void)state.service.remove(Kinds::network, id);
            }
        });
        found = state.service.create_network(id, network_settings(state.request, state.config));
        if (found && !*found) { // made by another ADD since we looked
            found = state.service.find(Kinds::network, state.request.network);
        }
    }
    if (!found || !*found) {
        return found ? fail(k_try_later, "the HNS network \"{}\" comes and goes",
                            state.request.network)
                     : pass(found);
    }
    state.network = *hcn::id_of(**found);
    return {};
}

Result<void> Bridge::find_endpoint(Adding &state) const {
    const auto name = endpoint_name(state.request);
    auto found = state.service.find(Kinds::endpoint, name);
    if (!found || !*found) {
        return found ? Result<void>() : pass(found);
    }
    const auto network = hcn::parse_guid(hcn::text_in(**found, "HostComputeNetwork"));
    if (network != state.network) {
        return fail(k_internal,
                    "the endpoint {} exists in another network: DEL it there, or remove it with "
                    "\"Get-HnsEndpoint | ? Name -eq '{}' | Remove-HnsEndpoint\"",
                    name, name);
    }
    state.was_there = true;
    state.endpoint = *hcn::id_of(**found);
    state.properties = std::move(**found);
    return {};
}

Result<void> Bridge::allocate(Adding &state) const {
    if (!state.ipam || state.was_there) {
        return {};
    }
    auto given = state.ipam->add(state.request);
    if (!given) {
        return pass(given);
    }
    state.journal.on_failure([&state] { (void)state.ipam->call("DEL", state.request); });
    state.addresses = std::move(given->ips);
    const bool v6 = std::ranges::any_of(
        state.addresses, [](const IpConfig &ip) { return !ip.address.address.is_v4(); });
    return v6 ? need_version(state.service, "an IPv6 address", has_dual_stack) : Result<void>();
}

Result<void> Bridge::create_endpoint(Adding &state) const {
    if (state.was_there) {
        return {};
    }
    const BridgeConfig &config = state.config;
    Json addresses = Json::array(), routes = Json::array(), policies = config.endpoint_policies;
    for (const auto &ip : state.addresses) {
        addresses.push_back(
            {{"IpAddress", ip.address.address.text()}, {"PrefixLength", ip.address.length}});
        routes.push_back(route(gateway_for(ip, config)));
        if (config.loopback_dsr) {
            policies.push_back(loopback_policy(ip.address.address));
        }
    }
    if (config.loopback_dsr) {
        if (auto good = need_version(state.service, "loopbackDSR", has_dsr); !good) {
            return good;
        }
    }
    for (const auto &one : config.additional_routes) {
        if (one.gateway && one.destination.length != 0) {
            routes.push_back(
                {{"NextHop", one.gateway->text()}, {"DestinationPrefix", one.destination.text()}});
        }
    }
    Json settings{{"Name", endpoint_name(state.request)},
                  {"HostComputeNetwork", hcn::text_of(state.network)},
                  {"SchemaVersion", schema()},
                  {"Policies", std::move(policies)},
                  {"IpConfigurations", std::move(addresses)},
                  {"Routes", std::move(routes)},
                  {"Dns", dns_settings(config.dns)}};
    if (!config.mac.empty()) {
        settings["MacAddress"] = config.mac;
    }
    state.endpoint = hcn::new_guid();
    // Before it is made: what takes too long may still come into being.
    state.journal.on_failure([this, &state] {
        if (state.service.remove(Kinds::endpoint, state.endpoint)) {
            options_.rules.forget(hcn::text_of(state.endpoint));
        }
    });
    auto made = state.service.create_endpoint(state.network, state.endpoint, settings);
    if (!made) {
        return pass(made);
    }
    state.properties = std::move(*made);
    state.endpoint = *hcn::id_of(state.properties);
    return {};
}

Result<void> Bridge::attach(Adding &state) const {
    const auto has = hcn::parse_guid(hcn::text_in(state.properties, "HostComputeNamespace"));
    if (has == state.name_space) {
        return {};
    }
    state.journal.on_failure([&state] {
        (void)move_endpoint(state.service, "Remove", state.name_space, state.endpoint);
    });
    auto moved = move_endpoint(state.service, "Add", state.name_space, state.endpoint);
    if (!moved) {
        return pass(moved);
    }
    return *moved ? Result<void>()
                  : fail(k_unknown_container, "there is no HCN namespace {}: CNI_NETNS",
                         hcn::text_of(state.name_space));
}

Result<void> Bridge::apply_mesh(Adding &state) const {
    if (!state.mesh || has_policy(state.properties, k_mesh_policy)) {
        return {};
    }
    if (auto good = need_version(state.service, "the mesh's policy L4WFPPROXY", has_l4_proxy);
        !good) {
        return good;
    }
    auto done = state.service.modify(Kinds::endpoint, state.endpoint, mesh_request(*state.mesh));
    if (!done) {
        return pass(done);
    }
    return *done ? Result<void>()
                 : fail(k_try_later, "the endpoint {} went away", endpoint_name(state.request));
}

Result<void> Bridge::apply_rules(Adding &state) const {
    return options_.rules.wanted() ? options_.rules.apply(hcn::text_of(state.endpoint))
                                   : Result<void>();
}

Result<Attachment> Bridge::add(const Request &request) const {
    auto config = read_bridge_config(request);
    if (!config) {
        return pass(config);
    }
    auto name_space = namespace_of(request);
    if (!name_space) {
        return pass(name_space);
    }
    std::optional<Ipam> ipam;
    if (!config->ipam_type.empty()) {
        auto chosen = Ipam::choose(options_.ipam, config->ipam_type, request);
        if (!chosen) {
            return pass(chosen);
        }
        ipam = std::move(*chosen);
    }
    // Asked before anything is made: the answer may take its time, and may be that it fails.
    std::optional<Json> mesh;
    if (options_.mesh) {
        auto decided = options_.mesh(config->pod);
        if (!decided) {
            return pass(decided);
        }
        mesh = std::move(*decided);
    }
    auto service = hcn::Service::open(options_.hcn);
    if (!service) {
        return pass(service);
    }
    Adding state{request,
                 std::move(*config),
                 std::move(*service),
                 *name_space,
                 std::move(ipam),
                 std::move(mesh),
                 {},
                 {},
                 {},
                 {},
                 false,
                 {}};
    for (const auto step :
         {&Bridge::find_network, &Bridge::find_endpoint, &Bridge::allocate,
          &Bridge::create_endpoint, &Bridge::attach, &Bridge::apply_mesh, &Bridge::apply_rules}) {
        if (options_.cancelled()) {
            return fail(k_try_later, "cancelled; what had been done was undone");
        }
        if (auto done = (this->*step)(state); !done) {
            return pass(done);
        }
    }
    auto result = attachment_of(state.properties, request);
    if (!result) {
        return result;
    }
    result->dns = state.config.dns;
    state.journal.keep();
    return result;
}

} // namespace k2s::cni
