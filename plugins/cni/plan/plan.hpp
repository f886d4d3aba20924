// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <k2s/sdk/error.hpp>

#include "spec/address.hpp"
#include "vfprules/vfprules.hpp"

namespace k2s::network {

using cni::Address;
using cni::Prefix;
using Json = nlohmann::ordered_json;
template <class T = void> using Expected = std::expected<T, Error>;

template <class... Arguments>
std::unexpected<Error> wrong(fmt::format_string<Arguments...> text, Arguments &&...arguments) {
    return std::unexpected(
        Error{K2S_E_CONFIG, fmt::format(text, std::forward<Arguments>(arguments)...)});
}

/// Another machine of the cluster, from cluster.json.
struct Node {
    std::string name;
    Address address;
    Prefix pods;
};

/// `smallsetup` of config.json; what is missing there is as in the original.
struct Settings {
    Prefix vm_network, pods, pods_linux, pods_windows, services, services_linux, services_windows,
        loopback_network;
    Address control_plane, host, windows_vm, bridge_gateway, bridge_host, linux_bridge,
        loopback_gateway, loopback_host, cluster_dns;
    std::vector<Prefix> nat_exceptions;
    Json vfprules;                            // as it is written
    std::vector<vfprules::Route> port_routes; // and what it means
    std::vector<Node> nodes;
};

/// Texts of config.json and of cluster.json (empty: there is none). K2S_E_CONFIG names the key.
Expected<Settings> read_settings(std::string_view config, std::string_view cluster);

/// What this machine is.
enum class Role { windows_host, linux_host, control_plane, worker };
std::optional<Role> parse_role(std::string_view text);
std::string_view text_of(Role role);

enum class Backend { host_gw, vxlan };

struct NamedNetwork {
    std::string name;
    Prefix network;
};
struct NamedAddress {
    std::string name;
    Address address;
    std::string interface_name; // on the machine that has it
};
/// A route that this machine needs. A gateway of its own means: on the interface that has it.
struct PlannedRoute {
    Prefix destination;
    Address gateway;
    uint32_t metric = 0;
    std::string why;
};
struct Port {
    std::string where, protocol;
    uint16_t number;
    std::string use;
};
/// A file that goes with the plan.
struct Document {
    std::string name, content;
};

struct Plan {
    Role role;
    Backend backend;
    std::vector<NamedNetwork> networks;
    std::vector<NamedAddress> addresses;
    std::vector<PlannedRoute> routes;
    std::vector<Prefix> nat_exceptions;
    std::vector<std::string> interfaces; // that the cluster makes; a name may be a beginning
    std::vector<Address> unwanted_default_gateways; // default routes through them are removed
    std::vector<Port> ports;
    std::vector<Document> documents;
};

/// `gateway`: for a worker, the host's address towards it. K2S_E_CONFIG: the plan contradicts
/// itself (networks overlap, an address lies outside of its network).
Expected<Plan> make_plan(const Settings &settings, Role role, Backend backend,
                         std::optional<Address> gateway);

/// flannel's net-conf, CNI configurations of both systems, vfprules.json, DNS forwarders.
std::vector<Document> render(const Settings &settings, Backend backend);

Json to_json(const Plan &plan);

bool overlap(const Prefix &a, const Prefix &b);

} // namespace k2s::network
