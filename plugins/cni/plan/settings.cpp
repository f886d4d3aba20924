// SPDX-License-Identifier: MIT
#include <algorithm>

#include "plan/plan.hpp"
#include "spec/json.hpp"

namespace k2s::network {
namespace {

/// Collects the first error, so that keys can be listed one below the other.
class Reader {
  public:
    explicit Reader(const cni::Json &object) : object_(object) {}

    void prefix(Prefix &out, const char *key, const char *otherwise) {
        const std::string text = this->text(key, otherwise);
        const auto value = Prefix::parse(text);
        if (!value || value->network() != value->address) {
            refuse(
                fmt::format("smallsetup.{}: '{}' is no network such as {}", key, text, otherwise));
            return;
        }
        out = *value;
    }
    void address(Address &out, const char *key, const char *otherwise) {
        const std::string text = this->text(key, otherwise);
        const auto value = Address::parse(text);
        if (!value) {
            refuse(
                fmt::format("smallsetup.{}: '{}' is no address such as {}", key, text, otherwise));
            return;
        }
        out = *value;
    }
    void prefixes(std::vector<Prefix> &out, const char *key, const std::vector<Prefix> &otherwise) {
        auto texts = cni::texts_member(object_, key);
        if (!texts) {
            refuse("smallsetup: " + texts.error().message);
            return;
        }
        if (cni::member(object_, key) == nullptr) {
            out = otherwise;
        }
        for (const auto &text : *texts) {
            const auto value = Prefix::parse(text);
            if (!value) {
                refuse(fmt::format("smallsetup.{}: '{}' is no network", key, text));
                return;
            }
            out.push_back({value->network(), value->length});
        }
    }
    const std::string &problem() const { return problem_; }

  private:
    std::string text(const char *key, const char *otherwise) {
        auto value = cni::text_member(object_, key, otherwise);
        if (!value) {
            refuse("smallsetup: " + value.error().message);
        }
        return value.value_or(otherwise);
    }
    void refuse(std::string problem) {
        if (problem_.empty()) {
            problem_ = std::move(problem);
        }
    }

    const cni::Json &object_;
    std::string problem_;
};

Json default_vfprules(const Settings &s) {
    const auto route = [](int number, const Prefix &to, const Address &gateway, int priority) {
        return Json{{"name", fmt::format("PA_ROUTE_k2s_{}", number)},
                    {"subnet", to.text()},
                    {"gateway", gateway.text()},
                    {"priority", std::to_string(priority)}};
    };
    return {{"routes", Json::array({route(1, s.vm_network, s.bridge_host, 200),
                                    route(2, s.pods_linux, s.bridge_host, 201),
                                    route(3, s.services_linux, s.bridge_host, 202),
                                    route(4, s.services_windows, s.loopback_host, 203)})},
            {"vfpapi", Json::array()}};
}

Expected<std::vector<Node>> read_nodes(std::string_view text) {
    std::vector<Node> nodes;
    if (text.empty()) {
        return nodes;
    }
    auto json = cni::parse_json(text, "cluster.json");
    auto list = json ? cni::array_member(*json, "nodes") : std::unexpected(json.error());
    if (!list) {
        return wrong("cluster.json: {}", list.error().message);
    }
    for (const auto &each : *list) {
        auto name = cni::text_member(each, "Name"), pods = cni::text_member(each, "PodCIDR"),
             address = cni::text_member(each, "IpAddress");
        if (!name || !pods || !address || name->empty()) {
            return wrong("cluster.json: a node lacks \"Name\", or is no object of texts");
        }
        if (pods->empty()) {
            continue; // it has not joined yet
        }
        const auto prefix = Prefix::parse(*pods);
        const auto ip = Address::parse(*address);
        if (!prefix || !ip) {
            return wrong("cluster.json: node {}: '{}' is no address, or '{}' is no network", *name,
                         *address, *pods);
        }
        nodes.push_back({*name, *ip, {prefix->network(), prefix->length}});
    }
    return nodes;
}

} // namespace

Expected<Settings> read_settings(std::string_view config, std::string_view cluster) {
    auto json = cni::parse_json(config, "config.json");
    auto setup = json ? cni::object_member(*json, "smallsetup") : std::unexpected(json.error());
    if (!setup) {
        return wrong("config.json: {}", setup.error().message);
    }
    Settings s;
    Reader read(*setup);
    read.prefix(s.vm_network, "masterNetworkCIDR", "172.19.1.0/24");
    read.address(s.control_plane, "masterIP", "172.19.1.100");
    read.address(s.host, "kubeSwitch", "172.19.1.1");
    read.address(s.windows_vm, "windowsVMIP", "172.19.1.101");
    read.prefix(s.pods, "podNetworkCIDR", "172.20.0.0/16");
    read.prefix(s.pods_linux, "podNetworkMasterCIDR", "172.20.0.0/24");
    read.prefix(s.pods_windows, "podNetworkWorkerCIDR", "172.20.1.0/24");
    read.prefix(s.services, "servicesCIDR", "172.21.0.0/16");
    read.prefix(s.services_linux, "servicesCIDRLinux", "172.21.0.0/24");
    read.prefix(s.services_windows, "servicesCIDRWindows", "172.21.1.0/24");
    read.address(s.bridge_gateway, "cbr0Gateway", "172.20.1.1");
    read.address(s.bridge_host, "cbr0", "172.20.1.2");
    read.prefix(s.loopback_network, "loopbackAdapterCIDR", "172.22.1.0/24");
    read.address(s.loopback_gateway, "loopbackGateway", "172.22.1.1");
    read.address(s.loopback_host, "loopback", "172.22.1.2");
    read.address(s.cluster_dns, "kubeDnsServiceIP", "172.21.0.10");
    read.address(s.linux_bridge, "masterNetworkInterfaceCni0IP", "172.20.0.1");
    read.prefixes(s.nat_exceptions, "clusterCIDRNatExceptions", {s.vm_network, s.pods, s.services});
    // Pods are not hidden from the loopback adapter's network either, by which the host reaches
    // them.
    if (std::ranges::find(s.nat_exceptions, s.loopback_network) == s.nat_exceptions.end()) {
        s.nat_exceptions.push_back(s.loopback_network);
    }
    if (!read.problem().empty()) {
        return wrong("config.json: {}", read.problem());
    }
    const cni::Json *rules = cni::member(*setup, "vfprules-k2s");
    s.vfprules = rules != nullptr ? Json(*rules) : default_vfprules(s);
    auto port_routes = vfprules::read_config(s.vfprules.dump());
    if (!port_routes) {
        return wrong("config.json: smallsetup.vfprules-k2s: {}", port_routes.error().message);
    }
    s.port_routes = std::move(port_routes->routes);
    auto nodes = read_nodes(cluster);
    if (!nodes) {
        return std::unexpected(nodes.error());
    }
    s.nodes = std::move(*nodes);
    return s;
}

} // namespace k2s::network
