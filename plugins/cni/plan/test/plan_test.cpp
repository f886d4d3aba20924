// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <algorithm>

#include "plan/plan.hpp"

using namespace k2s;
using namespace k2s::network;

namespace {

constexpr const char *k_nodes = R"({"nodes":[
  {"Name":"win2","IpAddress":"172.19.1.120","PodCIDR":"172.20.7.0/24","OS":"windows"},
  {"Name":"new","IpAddress":"172.19.1.121"}]})";

Settings settings(const std::string &keys = "", const char *nodes = "") {
    auto result = read_settings("{\"smallsetup\":{" + keys + "}}", nodes);
    BOOST_REQUIRE_MESSAGE(result, result.error().message);
    return *result;
}

std::string routes(const Plan &plan) {
    std::string text;
    for (const auto &each : plan.routes) {
        text += each.destination.text() + " " + each.gateway.text() + " " +
                std::to_string(each.metric) + "\n";
    }
    return text;
}

std::string document(const Plan &plan, const char *name) {
    return std::ranges::find(plan.documents, name, &Document::name)->content;
}

std::string problem(const std::string &keys, const char *nodes = "") {
    auto read = read_settings("{\"smallsetup\":{" + keys + "}}", nodes);
    auto plan = read ? make_plan(*read, Role::windows_host, Backend::host_gw, std::nullopt)
                     : std::unexpected(read.error());
    BOOST_REQUIRE_MESSAGE(!plan, keys);
    BOOST_TEST(plan.error().code == K2S_E_CONFIG);
    return plan.error().message;
}

} // namespace

BOOST_AUTO_TEST_CASE(routes_of_each_role) {
    const auto s = settings("", k_nodes);
    BOOST_TEST(routes(*make_plan(s, Role::windows_host, Backend::host_gw, {})) ==
               "172.19.1.0/24 172.19.1.1 3\n172.20.0.0/24 172.19.1.100 4\n"
               "172.20.1.0/24 172.20.1.2 5\n172.21.0.0/24 172.19.1.100 6\n"
               "172.21.1.0/24 172.19.1.100 7\n172.20.7.0/24 172.19.1.120 8\n");
    BOOST_TEST(routes(*make_plan(s, Role::linux_host, Backend::vxlan, {})) ==
               "172.20.1.0/24 172.19.1.101 5\n"); // flannel makes the others
    BOOST_TEST(routes(*make_plan(s, Role::control_plane, Backend::host_gw, {})) ==
               "172.20.1.0/24 172.19.1.1 5\n172.20.7.0/24 172.19.1.120 8\n");
    BOOST_TEST(routes(*make_plan(s, Role::worker, Backend::host_gw, Address::parse("10.0.0.9"))) ==
               "172.19.1.0/24 10.0.0.9 3\n172.20.0.0/16 10.0.0.9 4\n");
    BOOST_TEST(make_plan(s, Role::worker, Backend::host_gw, {}).error().code == K2S_E_USAGE);
}

BOOST_AUTO_TEST_CASE(other_addresses_go_everywhere) {
    const auto s =
        settings(R"("podNetworkCIDR":"10.20.0.0/16","podNetworkMasterCIDR":"10.20.0.0/24",
        "podNetworkWorkerCIDR":"10.20.1.0/24","cbr0":"10.20.1.2","cbr0Gateway":"10.20.1.1",
        "masterNetworkInterfaceCni0IP":"10.20.0.1",
        "clusterCIDRNatExceptions":["172.19.1.0/24","10.20.0.0/16"])");
    const auto plan = *make_plan(s, Role::windows_host, Backend::host_gw, {});
    BOOST_TEST(document(plan, "net-conf.json").find("\"Network\": \"10.20.0.0/16\"") !=
               std::string::npos);
    const auto windows = Json::parse(document(plan, "cni-windows.conf"));
    BOOST_TEST(windows["delegate"]["dns"]["Nameservers"].dump() ==
               R"(["10.20.1.2","172.21.0.10"])");
    BOOST_TEST(windows["delegate"]["AdditionalArgs"][0]["Value"]["Settings"]["Exceptions"].dump() ==
               R"(["172.19.1.0/24","10.20.0.0/16","172.22.1.0/24"])");
    BOOST_TEST(plan.nat_exceptions.size() == 3U); // what is shown is what is written
    const auto rules = Json::parse(document(plan, "vfprules.json"));
    BOOST_TEST(
        rules["routes"][1].dump() ==
        R"({"name":"PA_ROUTE_k2s_2","subnet":"10.20.0.0/24","gateway":"10.20.1.2","priority":"201"})");
    BOOST_TEST(rules["routes"].size() == 4U);
}

BOOST_AUTO_TEST_CASE(templates_of_flannel) {
    const auto s = settings();
    const auto gateway = *make_plan(s, Role::windows_host, Backend::host_gw, {});
    BOOST_TEST(
        Json::parse(document(gateway, "net-conf.json")).dump() ==
        R"({"Network":"172.20.0.0/16","EnableNFTables":false,"Backend":{"Type":"host-gw"}})");
    const auto vxlan = *make_plan(s, Role::linux_host, Backend::vxlan, {});
    BOOST_TEST(
        Json::parse(document(vxlan, "net-conf.json")).dump() ==
        R"({"Network":"172.20.0.0/16","Backend":{"name":"vxlan0","type":"vxlan","VNI":4096,"Port":4789}})");
    const auto list = Json::parse(document(vxlan, "cni-linux.conflist"));
    BOOST_TEST(list["plugins"][0]["delegate"].dump() ==
               R"({"hairpinMode":true,"isDefaultGateway":true})");
    BOOST_TEST(list["plugins"][1]["type"] == "portmap");
    BOOST_TEST(document(vxlan, "dnsmasq.conf")
                   .find("server=/cluster.local/172.21.0.10\n"
                         "server=172.19.1.1@eth0\n") != std::string::npos);
    BOOST_TEST(document(vxlan, "dnsproxy.yaml").find("'[/local/]172.19.1.100'") !=
               std::string::npos);
    const auto json = to_json(vxlan);
    BOOST_TEST(json["ports"].size() > 10U);
    BOOST_TEST(json["addresses"].size() == 9U);
}

BOOST_AUTO_TEST_CASE(contradictions) {
    const std::tuple<const char *, const char *, const char *> cases[] = {
        {R"("masterIP":"172.19.2.1")", "", "masterIP 172.19.2.1 does not lie in masterNetworkCIDR"},
        {R"("servicesCIDR":"172.20.0.0/16")", "", "overlap"},
        {R"("podNetworkCIDR":"172.20.0.0/30")", "", "podNetworkMasterCIDR"},
        {R"("podNetworkWorkerCIDR":"172.20.0.0/25","cbr0":"172.20.0.2","cbr0Gateway":"172.20.0.1")",
         "", "podNetworkMasterCIDR 172.20.0.0/24 and podNetworkWorkerCIDR 172.20.0.0/25 overlap"},
        {R"("masterIP":"172.19.1.300")", "", "'172.19.1.300' is no address"},
        {R"("masterNetworkCIDR":"172.19.1.1/24")", "", "is no network"},
        {R"("masterIP":7)", "", "masterIP"},
        {R"("vfprules-k2s":{"routes":[{}]})", "", "vfprules-k2s: routes[0]"},
        {"", R"({"nodes":[{"Name":"a","IpAddress":"x","PodCIDR":"172.20.5.0/24"}]})", "node a"},
        {"", R"({"nodes":[{"Name":"a","IpAddress":"10.0.0.1","PodCIDR":"10.20.5.0/24"}]})",
         "do not lie in podNetworkCIDR"},
        {"",
         R"({"nodes":[{"Name":"a","IpAddress":"10.0.0.1","PodCIDR":"172.20.5.0/24"},
                      {"Name":"b","IpAddress":"10.0.0.2","PodCIDR":"172.20.5.128/25"}]})",
         "the nodes a and b have overlapping pods"},
        {"", R"({"nodes":[{"Name":"a","IpAddress":"10.0.0.1","PodCIDR":"172.20.0.128/25"}]})",
         "the pods 172.20.0.128/25 of node a overlap podNetworkMasterCIDR 172.20.0.0/24"},
        {"", R"({"nodes":[{"Name":"a","IpAddress":"fd00::1","PodCIDR":"172.20.5.0/24"}]})",
         "of different families"},
        {R"("windowsVMIP":"172.19.9.101")", "",
         "windowsVMIP 172.19.9.101 does not lie in masterNetworkCIDR"},
        {R"("servicesCIDRWindows":"172.21.0.128/25")", "",
         "servicesCIDRLinux 172.21.0.0/24 and servicesCIDRWindows 172.21.0.128/25 overlap"},
        {R"("masterNetworkCIDR":"fd19::/64","vfprules-k2s":{"routes":[]})", "",
         "of different families"},
        {"", "[", "cluster.json"},
        {"", R"({"nodes":[7]})", "no object"},
    };
    for (const auto &[keys, nodes, expected] : cases) {
        const auto message = problem(keys, nodes);
        BOOST_TEST(message.find(expected) != std::string::npos, message);
    }
    BOOST_TEST(make_plan(settings(), Role::worker, Backend::host_gw, Address::parse("fd00::9"))
                   .error()
                   .message.find("of another family") != std::string::npos);
    BOOST_TEST(read_settings("", "").error().code == K2S_E_CONFIG);
    BOOST_TEST(read_settings(R"({"smallsetup":[]})", "").error().code == K2S_E_CONFIG);
}
