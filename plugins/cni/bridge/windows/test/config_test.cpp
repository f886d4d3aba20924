// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include "bridge/windows/config.hpp"

namespace k2s::cni {
namespace {

Result<BridgeConfig> read(const std::string &config, const std::string &args = {}) {
    Request request;
    request.network = "cbr0";
    request.config = Json::parse(config);
    request.args = args;
    return read_bridge_config(request);
}

} // namespace

// The delegate that flannel makes of K2s' template.
BOOST_AUTO_TEST_CASE(the_configuration_of_k2s) {
    const auto config = read(R"({
        "cniVersion": "0.2.0", "name": "cbr0", "type": "bridge",
        "dns": {"Nameservers": ["172.20.1.2", "172.21.0.10"], "search": ["svc.cluster.local"]},
        "optionalFlags": {"forceBridgeGateway": true, "loopbackDSR": false},
        "ipam": {"type": "host-local", "subnet": "172.20.1.0/24"},
        "AdditionalArgs": [{"Name": "EndpointPolicy", "Value": {"Type": "OutBoundNAT",
            "Settings": {"Exceptions": ["172.19.1.0/24", "172.20.0.0/16"]}}}],
        "runtimeConfig": {"portMappings": [{"hostPort": 8080, "containerPort": 80,
            "protocol": "TCP", "hostIP": "10.0.0.1"}]}})",
                             "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=cart;X=1");
    BOOST_REQUIRE(config.has_value());
    BOOST_TEST(config->network_type == "L2Bridge");
    BOOST_TEST(config->force_bridge_gateway);
    BOOST_TEST(!config->loopback_dsr);
    BOOST_TEST(config->subnets.at(0).text() == "172.20.1.0/24");
    BOOST_TEST(config->dns.nameservers.size() == 2);
    BOOST_TEST(config->dns.search.at(0) == "shop.svc.cluster.local");
    BOOST_TEST(config->pod.name == "cart");
    BOOST_TEST(config->endpoint_policies == Json::parse(R"([
        {"Type": "PortMapping", "Settings": {"Protocol": 6, "InternalPort": 80,
            "ExternalPort": 8080, "VIP": "10.0.0.1", "Flags": 0}},
        {"Type": "OutBoundNAT",
            "Settings": {"Exceptions": ["172.19.1.0/24", "172.20.0.0/16"]}}])"));
}

BOOST_AUTO_TEST_CASE(flags_change_policies) {
    const auto config = read(R"({"type": "sdnbridge",
        "optionalFlags": {"localRoutedPortMapping": true, "allowAclPortMapping": true},
        "AdditionalArgs": [{"Name": "NetworkPolicy", "Value": {"Type": "NetAdapterName"}},
                           {"Name": "Other", "Value": 1}],
        "runtimeConfig": {"mac": "02:aa:BB:11:22:33",
            "dns": {"servers": ["1.1.1.1"], "searches": ["x"], "options": ["ndots:5"]},
            "portMappings": [{"hostPort": 53, "containerPort": 5353, "protocol": "udp"}]}})");
    BOOST_REQUIRE(config.has_value());
    BOOST_TEST(config->endpoint_policies == Json::parse(R"([
        {"Type": "PortMapping", "Settings": {"Protocol": 17, "InternalPort": 5353,
            "ExternalPort": 53, "Flags": 1}},
        {"Type": "ACL", "Settings": {"Protocols": "17", "Action": "Allow", "Direction": "In",
            "LocalPorts": "5353", "Priority": 1000}}])"));
    BOOST_TEST(config->network_policies == Json::parse(R"([{"Type": "NetAdapterName"}])"));
    BOOST_TEST(config->mac == "02-AA-BB-11-22-33");
    BOOST_TEST(config->dns.nameservers.at(0) == "1.1.1.1");
    BOOST_TEST(config->dns.search.at(0) == "x");
    BOOST_TEST(config->dns.options.at(0) == "ndots:5");
}

BOOST_AUTO_TEST_CASE(subnets_of_both_families) {
    const auto config = read(R"({"ipam": {"type": "host-local",
        "ranges": [[{"subnet": "172.20.1.0/24"}], [{"subnet": "fd00:1::/64"}]],
        "routes": [{"dst": "0.0.0.0/0", "gw": "172.20.1.2"}]}})");
    BOOST_REQUIRE(config.has_value());
    BOOST_TEST(config->subnets.size() == 2);
    BOOST_TEST(config->network_gateway->text() == "172.20.1.2");
}

BOOST_AUTO_TEST_CASE(bad_configurations) {
    for (
        const char *bad : {
            R"({"type": "macvlan"})",
            R"({"optionalFlags": {"loopbackDSR": "yes"}})",
            R"({"optionalFlags": []})",
            R"({"runtimeConfig": {"portMappings": [{"hostPort": 0, "containerPort": 80}]}})",
            R"({"runtimeConfig": {"portMappings": [{"hostPort": 80, "containerPort": 65536}]}})",
            R"({"runtimeConfig": {"portMappings": [{"hostPort": 80, "containerPort": 80, "protocol": "x"}]}})",
            R"({"runtimeConfig": {"portMappings": [{"hostPort": 80, "containerPort": 80, "protocol": "256"}]}})",
            R"({"runtimeConfig": {"portMappings": [{"hostPort": 80, "containerPort": 80, "hostIP": "x"}]}})",
            R"({"runtimeConfig": {"portMappings": {}}})",
            R"({"runtimeConfig": {"mac": "02:aa"}})",
            R"({"runtimeConfig": {"mac": "02:aa:bb:cc:dd:gg"}})",
            R"({"AdditionalArgs": [{"Name": "EndpointPolicy"}]})",
            R"({"AdditionalArgs": [{"Name": "EndpointPolicy", "Value": "x"}]})",
            R"({"AdditionalArgs": {}})",
            R"({"additionalRoutes": [{"gw": "1.2.3.4"}]})",
            R"({"ipam": {"subnet": "x"}})",
            R"({"ipam": {"routes": [{"gw": "x"}]}})",
            R"({"dns": {"nameservers": "x"}})",
        }) {
        const auto config = read(bad);
        BOOST_TEST_CONTEXT(bad) {
            BOOST_REQUIRE(!config);
            BOOST_TEST(config.error().code == k_bad_config);
        }
    }
    BOOST_TEST(read("{}", "FOO=bar").error().code == k_bad_environment);
}

} // namespace k2s::cni
