// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include "plan/plan.hpp"

namespace k2s::network {
namespace {

constexpr int k_indent = 2, k_vxlan_id = 4096, k_vxlan_port = 4789;

std::string text_of(const Json &json) {
    return json.dump(k_indent) + "\n";
}

Json net_conf(const Settings &s, Backend backend) {
    Json flannel{{"Network", s.pods.text()}};
    if (backend == Backend::vxlan) {
        flannel["Backend"] = {
            {"name", "vxlan0"}, {"type", "vxlan"}, {"VNI", k_vxlan_id}, {"Port", k_vxlan_port}};
    } else {
        flannel["EnableNFTables"] = false;
        flannel["Backend"] = {{"Type", "host-gw"}};
    }
    return flannel;
}

Json linux_list() {
    return {{"name", "cbr0"},
            {"cniVersion", "0.3.1"},
            {"plugins",
             Json::array({{{"type", "flannel"},
                           {"delegate", {{"hairpinMode", true}, {"isDefaultGateway", true}}}},
                          {{"type", "portmap"}, {"capabilities", {{"portMappings", true}}}}})}};
}

Json texts(const std::vector<Prefix> &prefixes) {
    Json list = Json::array();
    for (const auto &each : prefixes) {
        list.push_back(each.text());
    }
    return list;
}

Json windows_conf(const Settings &s) {
    return {
        {"cniVersion", "0.2.0"},
        {"name", "cbr0"},
        {"type", "flannel"},
        {"capabilities", {{"portMappings", true}, {"dnsCapabilities", true}}},
        {"delegate",
         {{"type", "bridge"},
          {"dns", {{"Nameservers", {s.bridge_host.text(), s.cluster_dns.text()}}}},
          {"optionalFlags", {{"forceBridgeGateway", true}, {"loopbackDSR", false}}},
          {"AdditionalArgs",
           Json::array({{{"Name", "EndpointPolicy"},
                         {"Value",
                          {{"Type", "OutBoundNAT"},
                           {"Settings", {{"Exceptions", texts(s.nat_exceptions)}}}}}}})}}},
    };
}

std::string dnsmasq(const Settings &s) {
    return fmt::format("# DNS forwarder of the control plane\n"
                       "interface=eth0\ninterface=cni0\ninterface=lo\nbind-dynamic\nno-resolv\n"
                       "server=/cluster.local/{}\nserver={}@eth0\n",
                       s.cluster_dns.text(), s.host.text());
}

/// Without upstreams for the rest: these are the name servers of the machine's own network.
std::string dnsproxy(const Settings &s) {
    return fmt::format("# DNS forwarder of the Windows host\n"
                       "listen-addrs:\n  - {}\n  - {}\nlisten-ports:\n  - 53\n"
                       "upstream:\n  - '[/local/]{}'\n",
                       s.host.text(), s.bridge_host.text(), s.control_plane.text());
}

} // namespace

std::vector<Document> render(const Settings &s, Backend backend) {
    return {{"net-conf.json", text_of(net_conf(s, backend))},
            {"cni-linux.conflist", text_of(linux_list())},
            {"cni-windows.conf", text_of(windows_conf(s))},
            {"vfprules.json", text_of(s.vfprules)},
            {"nat-exceptions.json", text_of(texts(s.nat_exceptions))},
            {"dnsmasq.conf", dnsmasq(s)},
            {"dnsproxy.yaml", dnsproxy(s)}};
}

} // namespace k2s::network
