// SPDX-License-Identifier: MIT
#include "plan/plan.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace k2s::network {
namespace {

constexpr std::pair<Role, std::string_view> k_roles[] = {
    {Role::windows_host, "windows-host"},
    {Role::linux_host, "linux-host"},
    {Role::control_plane, "control-plane"},
    {Role::worker, "worker"},
};

Prefix alone(const Address &address) {
    return {address, static_cast<unsigned>(address.size() * 8)};
}

/// The control plane and the first Windows machine may be listed as nodes, too, with their own
/// pods.
Expected<void> check_node(const Node &node, const Settings &s) {
    if (node.address.is_v4() != node.pods.address.is_v4()) {
        return wrong("the address {} and the pods {} of node {} are of different families",
                     node.address.text(), node.pods.text(), node.name);
    }
    if (!s.pods.contains(node.pods.address) || node.pods.length < s.pods.length) {
        return wrong("the pods {} of node {} do not lie in podNetworkCIDR {}", node.pods.text(),
                     node.name, s.pods.text());
    }
    for (const auto &[name, pods] : {std::pair{"podNetworkMasterCIDR", &s.pods_linux},
                                     {"podNetworkWorkerCIDR", &s.pods_windows}}) {
        if (node.pods != *pods && overlap(node.pods, *pods)) {
            return wrong("the pods {} of node {} overlap {} {}", node.pods.text(), node.name, name,
                         pods->text());
        }
    }
    for (const auto &other : s.nodes) {
        if (&node < &other && overlap(node.pods, other.pods)) {
            return wrong("the nodes {} and {} have overlapping pods, {} and {}", node.name,
                         other.name, node.pods.text(), other.pods.text());
        }
    }
    return {};
}

/// What has to lie in what, and what must not meet.
Expected<void> check(const Settings &s) {
    const std::pair<const char *, const Prefix *> apart[] = {
        {"masterNetworkCIDR", &s.vm_network},
        {"podNetworkCIDR", &s.pods},
        {"servicesCIDR", &s.services},
        {"loopbackAdapterCIDR", &s.loopback_network},
    };
    for (const auto &[name, network] : apart) {
        for (const auto &[other_name, other] : apart) {
            if (network < other && network->address.is_v4() != other->address.is_v4()) {
                return wrong("{} {} and {} {} are of different families", name, network->text(),
                             other_name, other->text());
            }
            if (network < other && overlap(*network, *other)) {
                return wrong("{} {} and {} {} overlap", name, network->text(), other_name,
                             other->text());
            }
        }
    }
    const std::tuple<const char *, Prefix, const char *, Prefix> inside[] = {
        {"podNetworkMasterCIDR", s.pods_linux, "podNetworkCIDR", s.pods},
        {"podNetworkWorkerCIDR", s.pods_windows, "podNetworkCIDR", s.pods},
        {"servicesCIDRLinux", s.services_linux, "servicesCIDR", s.services},
        {"servicesCIDRWindows", s.services_windows, "servicesCIDR", s.services},
        {"masterIP", alone(s.control_plane), "masterNetworkCIDR", s.vm_network},
        {"kubeSwitch", alone(s.host), "masterNetworkCIDR", s.vm_network},
        {"windowsVMIP", alone(s.windows_vm), "masterNetworkCIDR", s.vm_network},
        {"cbr0Gateway", alone(s.bridge_gateway), "podNetworkWorkerCIDR", s.pods_windows},
        {"cbr0", alone(s.bridge_host), "podNetworkWorkerCIDR", s.pods_windows},
        {"masterNetworkInterfaceCni0IP", alone(s.linux_bridge), "podNetworkMasterCIDR",
         s.pods_linux},
        {"loopback", alone(s.loopback_host), "loopbackAdapterCIDR", s.loopback_network},
        {"loopbackGateway", alone(s.loopback_gateway), "loopbackAdapterCIDR", s.loopback_network},
        {"kubeDnsServiceIP", alone(s.cluster_dns), "servicesCIDR", s.services},
    };
    for (const auto &[name, part, whole_name, whole] : inside) {
        if (!whole.contains(part.address) || part.length < whole.length) {
            return wrong("{} {} does not lie in {} {}", name, part.address.text(), whole_name,
                         whole.text());
        }
    }
    const std::tuple<const char *, Prefix, const char *, Prefix> parts[] = {
        {"podNetworkMasterCIDR", s.pods_linux, "podNetworkWorkerCIDR", s.pods_windows},
        {"servicesCIDRLinux", s.services_linux, "servicesCIDRWindows", s.services_windows},
    };
    for (const auto &[name, one, other_name, other] : parts) {
        if (overlap(one, other)) {
            return wrong("{} {} and {} {} overlap", name, one.text(), other_name, other.text());
        }
    }
    for (const auto &node : s.nodes) {
        if (auto good = check_node(node, s); !good) {
            return good;
        }
    }
    return {};
}

std::vector<PlannedRoute> routes_of(const Settings &s, Role role, Backend backend,
                                    const Address &gateway) {
    std::vector<PlannedRoute> routes;
    switch (role) {
    case Role::windows_host:
        routes = {{s.vm_network, s.host, 3, "virtual machines"},
                  {s.pods_linux, s.control_plane, 4, "Linux pods"},
                  {s.pods_windows, s.bridge_host, 5, "Windows pods"},
                  {s.services_linux, s.control_plane, 6, "Linux services"},
                  {s.services_windows, s.control_plane, 7, "Windows services"}};
        break;
    case Role::linux_host:
        routes = {{s.pods_windows, s.windows_vm, 5, "Windows pods"}};
        break;
    case Role::control_plane:
        routes = {{s.pods_windows, s.host, 5, "Windows pods"}};
        break;
    case Role::worker:
        routes = {{s.vm_network, gateway, 3, "virtual machines"}, {s.pods, gateway, 4, "pods"}};
        break;
    }
    // With vxlan flannel's own routes lead through its interface.
    for (const auto &node : s.nodes) {
        const bool known = std::ranges::any_of(
            routes, [&](const PlannedRoute &each) { return each.destination == node.pods; });
        if (backend == Backend::host_gw && role != Role::worker && !known) {
            routes.push_back({node.pods, node.address, 8, "pods of " + node.name});
        }
    }
    return routes;
}

std::vector<Port> ports_of(const Settings &s) {
    const std::string host = s.host.text(), control_plane = s.control_plane.text();
    return {
        {host, "tcp", 8181, "httpproxy"},
        {control_plane, "tcp", 6443, "Kubernetes API"},
        {host, "udp+tcp", 53, "DNS forwarder of the host"},
        {s.bridge_host.text(), "udp+tcp", 53, "DNS forwarder, for Windows pods"},
        {control_plane, "udp+tcp", 53, "DNS forwarder of the control plane"},
        {control_plane, "tcp", 22, "SSH"},
        {"nodes", "tcp", 10250, "kubelet"},
        {host, "tcp", 9100, "windows_exporter"},
        {control_plane, "tcp", 80, "ingress"},
        {control_plane, "tcp", 443, "ingress"},
        {host, "tcp", 3000, "login"},
        {host, "tcp", 4444, "Hydra, public"},
        {host, "tcp", 4445, "Hydra, administration"},
        {"nodes", "udp", 4789, "vxlan"},
        {"nodes", "tcp", 30500, "registry"},
    };
}

} // namespace

std::optional<Role> parse_role(std::string_view text) {
    for (const auto &[role, name] : k_roles) {
        if (name == text) {
            return role;
        }
    }
    return std::nullopt;
}

std::string_view text_of(Role role) {
    return std::ranges::find(k_roles, role, &std::pair<Role, std::string_view>::first)->second;
}

bool overlap(const Prefix &a, const Prefix &b) {
    return a.length <= b.length ? a.contains(b.address) : b.contains(a.address);
}

Expected<Plan> make_plan(const Settings &s, Role role, Backend backend,
                         std::optional<Address> gateway) {
    if (auto checked = check(s); !checked) {
        return std::unexpected(checked.error());
    }
    if (role == Role::worker && !gateway) {
        return std::unexpected(Error{
            K2S_E_USAGE, "a worker reaches the cluster through its host: give --gateway ADDRESS"});
    }
    if (gateway && gateway->is_v4() != s.pods.address.is_v4()) {
        return wrong("the gateway {} is of another family than podNetworkCIDR {}", gateway->text(),
                     s.pods.text());
    }
    Plan plan{role, backend, {}, {}, {}, s.nat_exceptions, {}, {}, ports_of(s), {}};
    plan.networks = {{"virtual machines", s.vm_network},
                     {"Linux pods", s.pods_linux},
                     {"Windows pods", s.pods_windows},
                     {"pods", s.pods},
                     {"Linux services", s.services_linux},
                     {"Windows services", s.services_windows},
                     {"services", s.services},
                     {"loopback adapter", s.loopback_network}};
    plan.addresses = {{"host", s.host, "vEthernet (KubeSwitch)"},
                      {"control plane", s.control_plane, "eth0"},
                      {"Windows virtual machine", s.windows_vm, "Ethernet"},
                      {"bridge of Linux pods", s.linux_bridge, "cni0"},
                      {"gateway of the HNS network", s.bridge_gateway, ""},
                      {"host among Windows pods", s.bridge_host, "vEthernet (cbr0_ep)"},
                      {"host on the loopback adapter", s.loopback_host, "vEthernet (Loopbackk2s)"},
                      {"gateway of the loopback adapter", s.loopback_gateway, ""},
                      {"cluster DNS", s.cluster_dns, ""}};
    plan.routes = routes_of(s, role, backend, gateway.value_or(Address()));
    for (const auto &node : s.nodes) {
        plan.networks.push_back({"pods of " + node.name, node.pods});
        plan.addresses.push_back({"node " + node.name, node.address, ""});
    }
    if (role == Role::windows_host) {
        plan.interfaces = {"vEthernet (KubeSwitch)", "vEthernet (cbr0_ep)",
                           "vEthernet (Loopbackk2s", "Loopbackk2s"};
        plan.unwanted_default_gateways = {s.bridge_gateway, s.loopback_gateway};
    } else {
        plan.interfaces = {"cni0", "flannel", "virbr-k2s", "veth"};
    }
    plan.documents = render(s, backend);
    return plan;
}

Json to_json(const Plan &plan) {
    Json result{{"role", text_of(plan.role)},
                {"backend", plan.backend == Backend::vxlan ? "vxlan" : "host-gw"}};
    for (const auto &each : plan.networks) {
        result["networks"].push_back({{"name", each.name}, {"network", each.network.text()}});
    }
    for (const auto &each : plan.addresses) {
        result["addresses"].push_back({{"name", each.name},
                                       {"address", each.address.text()},
                                       {"interface", each.interface_name}});
    }
    for (const auto &each : plan.routes) {
        result["routes"].push_back({{"destination", each.destination.text()},
                                    {"gateway", each.gateway.text()},
                                    {"metric", each.metric},
                                    {"for", each.why}});
    }
    for (const auto &each : plan.nat_exceptions) {
        result["nat_exceptions"].push_back({{"network", each.text()}});
    }
    for (const auto &each : plan.ports) {
        result["ports"].push_back({{"where", each.where},
                                   {"protocol", each.protocol},
                                   {"port", each.number},
                                   {"use", each.use}});
    }
    for (const auto &each : plan.documents) {
        result["files"].push_back({{"name", each.name}, {"content", each.content}});
    }
    return result;
}

} // namespace k2s::network
