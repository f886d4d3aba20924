// SPDX-License-Identifier: MIT
#include "bridge/windows/test/node.hpp"

namespace k2s::cni {
namespace {

constexpr const char *k_network = "11111111-2222-3333-4444-555555555555";

/// The settings that a call was recorded with.
Json settings_of(const hcn::Double &node, const std::string &function) {
    const auto calls = node.calls();
    const auto at = calls.find(function + " ") + function.size() + 1;
    return Json::parse(calls.substr(at, calls.find('\n', at) - at));
}

} // namespace

BOOST_AUTO_TEST_CASE(add_makes_network_and_endpoint) {
    const Node node;
    const Bridge bridge(node.options);
    const auto result = bridge.add(node.request());
    BOOST_REQUIRE(result.has_value());
    BOOST_TEST(to_json(*result, "1.1.0").value() == Json::parse(R"({"cniVersion": "1.1.0",
        "interfaces": [{"name": "eth0", "mac": "00:15:5d:ab:cd:ef",
                        "sandbox": "99999999-8888-7777-6666-555555555555"}],
        "ips": [{"address": "172.20.1.10/24", "gateway": "172.20.1.2", "interface": 0}],
        "dns": {"nameservers": ["172.21.0.10"]}})"));
    BOOST_TEST(settings_of(node, "HcnCreateNetwork") == Json::parse(R"({"Name": "cbr0",
        "Type": "L2Bridge", "SchemaVersion": {"Major": 2, "Minor": 0}, "Policies": [],
        "Dns": {"Domain": "", "Search": [], "ServerList": ["172.21.0.10"], "Options": []},
        "Ipams": [{"Type": "Static", "Subnets": [{"IpAddressPrefix": "172.20.1.0/24",
            "Routes": [{"NextHop": "172.20.1.1", "DestinationPrefix": "0.0.0.0/0"}]}]}]})"));
    auto endpoint = settings_of(node, "HcnCreateEndpoint");
    BOOST_TEST(hcn::parse_guid(endpoint["HostComputeNetwork"].get<std::string>()).has_value());
    endpoint.erase("HostComputeNetwork");
    BOOST_TEST(endpoint == Json::parse(R"({"Name": "pod_cbr0", "Policies": [],
        "SchemaVersion": {"Major": 2, "Minor": 0},
        "IpConfigurations": [{"IpAddress": "172.20.1.10", "PrefixLength": 24}],
        "Routes": [{"NextHop": "172.20.1.2", "DestinationPrefix": "0.0.0.0/0"}],
        "Dns": {"Domain": "", "Search": [], "ServerList": ["172.21.0.10"], "Options": []}})"));
    const auto moved = settings_of(node, "HcnModifyNamespace");
    BOOST_TEST(moved["ResourceType"] == "Endpoint");
    BOOST_TEST(moved["RequestType"] == "Add");
}

BOOST_AUTO_TEST_CASE(again_gives_the_same_and_makes_nothing) {
    const Node node;
    const Bridge bridge(node.options);
    const auto first = bridge.add(node.request());
    node.forget_calls();
    const auto second = bridge.add(node.request());
    BOOST_REQUIRE((first && second));
    BOOST_TEST(to_json(*first, "1.1.0").value() == to_json(*second, "1.1.0").value());
    BOOST_TEST(!node.called("HcnCreate"));
    BOOST_TEST(!node.called("HcnModify"));
    BOOST_TEST(node.reserved() == 1);
}

// One query by name for each object, whatever else there is.
BOOST_AUTO_TEST_CASE(other_objects_are_not_opened) {
    const Node node;
    node.put("network", k_network, "cbr0");
    node.put("network", "21111111-2222-3333-4444-555555555555", "nat");
    for (int i = 10; i < 60; ++i) {
        node.put("endpoint", "aaaaaaaa-bbbb-cccc-dddd-0000000000" + std::to_string(i), "other");
    }
    BOOST_REQUIRE(Bridge(node.options).add(node.request()).has_value());
    const auto calls = node.calls();
    std::size_t opened = 0;
    for (auto at = calls.find("HcnOpen"); at != std::string::npos;
         at = calls.find("HcnOpen", at + 1)) {
        ++opened;
    }
    BOOST_TEST(opened == 3); // the network to read it and to make the endpoint in it, the namespace
}

BOOST_AUTO_TEST_CASE(whatever_fails_is_undone) {
    const char *const last_resorts[]{"fail 80004005", "hang", "garbage"};
    for (const char *function :
         {"HcnEnumerateNetworks", "HcnCreateNetwork", "HcnEnumerateEndpoints", "HcnCreateEndpoint",
          "HcnQueryNetworkProperties", "HcnQueryEndpointProperties", "HcnOpenNamespace",
          "HcnModifyNamespace"}) {
        for (const std::string how : last_resorts) {
            if (how == "garbage" && std::string(function).find("HcnQuery") == std::string::npos &&
                std::string(function).find("HcnEnumerate") == std::string::npos) {
                continue; // these answer with nothing that could be read
            }
            BOOST_TEST_CONTEXT(function << " " << how) {
                Node node;
                node.options.hcn.deadline = std::chrono::milliseconds(1500);
                hcn::Double::fault(function + (" " + how));
                const auto result = Bridge(node.options).add(node.request());
                BOOST_REQUIRE(!result);
                BOOST_TEST(result.error().message.find(function) == 0);
                BOOST_TEST(node.count("endpoint") == 0);
                BOOST_TEST(node.reserved() == 0);
                // Whether a network may go cannot be known while endpoints cannot be listed.
                if (std::string(function).find("Endpoint") == std::string::npos) {
                    BOOST_TEST(node.count("network") == 0);
                }
                hcn::Double::fault({});
                BOOST_TEST(Bridge(node.options).add(node.request()).has_value());
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_namespace_that_is_gone) {
    const Node node;
    auto request = node.request();
    request.netns = "{00000000-8888-7777-6666-555555555555}";
    BOOST_TEST(Bridge(node.options).add(request).error().code == k_unknown_container);
    BOOST_TEST(node.nothing_left());
    request.netns = "/run/netns/x";
    BOOST_TEST(Bridge(node.options).add(request).error().code == k_bad_environment);
}

BOOST_AUTO_TEST_CASE(a_network_that_cannot_be_made) {
    const Node node;
    const auto result =
        Bridge(node.options).add(node.request(Json{{"ipam", {{"type", ""}, {"subnet", nullptr}}}}));
    BOOST_TEST(result.error().code == k_bad_config);
    BOOST_TEST(!node.called("HcnCreate"));
}

BOOST_AUTO_TEST_CASE(the_mesh_is_asked_first) {
    Node node;
    std::string asked;
    bool early = false;
    node.options.mesh = [&](const Pod &pod) -> Result<std::optional<Json>> {
        asked = pod.name_space + "/" + pod.name;
        early = node.calls().empty();
        return std::optional<Json>(Json{{"InboundProxyPort", "4143"}});
    };
    auto request = node.request();
    request.args = "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=cart";
    const auto added = Bridge(node.options).add(request);
    BOOST_TEST_INFO((added ? std::string() : added.error().message));
    BOOST_REQUIRE(added.has_value());
    BOOST_TEST(asked == "shop/cart");
    BOOST_TEST(early);
    BOOST_TEST(settings_of(node, "HcnModifyEndpoint") ==
               Json::parse(R"({"ResourceType": "Policy", "RequestType": "Add",
        "Settings": {"Policies": [{"Type": "L4WFPPROXY",
                                   "Settings": {"InboundProxyPort": "4143"}}]}})"));
    BOOST_REQUIRE(Bridge(node.options).del(request).has_value());
    hcn::set_variable("K2S_HNS_VERSION", "13.1");
    const auto old = Bridge(node.options).add(request);
    BOOST_REQUIRE(!old);
    BOOST_TEST(old.error().message.find("13.1") != std::string::npos);
    BOOST_TEST(node.count("endpoint") == 0);
    node.forget_calls();
    node.options.mesh = [](const Pod &) -> Result<std::optional<Json>> {
        return fail(k_try_later, "nobody knows");
    };
    BOOST_TEST(Bridge(node.options).add(request).error().message == "nobody knows");
    BOOST_TEST(node.calls().empty());
}

BOOST_AUTO_TEST_CASE(both_families) {
    const Node node;
    const Json both{{"ipam",
                     {{"subnet", nullptr},
                      {"rangeStart", nullptr},
                      {"ranges", Json::parse(R"([[{"subnet": "172.20.1.0/24"}],
                                                 [{"subnet": "fd00:1::/64"}]])")}}}};
    const auto result = Bridge(node.options).add(node.request(both));
    BOOST_REQUIRE(result.has_value());
    BOOST_TEST(result->ips.size() == 2);
    BOOST_TEST(settings_of(node, "HcnCreateEndpoint")["Routes"] ==
               Json::parse(R"([{"NextHop": "172.20.1.2", "DestinationPrefix": "0.0.0.0/0"},
                               {"NextHop": "fd00:1::2", "DestinationPrefix": "::/0"}])"));
    BOOST_REQUIRE(Bridge(node.options).del(node.request(both)).has_value());
    BOOST_TEST(node.reserved() == 0);
    hcn::set_variable("K2S_HNS_VERSION", "11.9");
    BOOST_TEST(!Bridge(node.options).add(node.request(both)));
    BOOST_TEST(node.reserved() == 0);
}

BOOST_AUTO_TEST_CASE(gateway_and_loopback_from_the_configuration) {
    const Node node;
    const Json more = Json::parse(R"({
        "optionalFlags": {"gatewayFromAdditionalRoutes": true, "loopbackDSR": true},
        "additionalRoutes": [{"dst": "0.0.0.0/0", "gw": "172.20.1.99"},
                             {"dst": "10.0.0.0/8", "gw": "172.20.1.98"}]})");
    BOOST_REQUIRE(Bridge(node.options).add(node.request(more)).has_value());
    const auto endpoint = settings_of(node, "HcnCreateEndpoint");
    BOOST_TEST(endpoint["Routes"] ==
               Json::parse(R"([{"NextHop": "172.20.1.99", "DestinationPrefix": "0.0.0.0/0"},
                               {"NextHop": "172.20.1.98", "DestinationPrefix": "10.0.0.0/8"}])"));
    BOOST_TEST(endpoint["Policies"] == Json::parse(R"([{"Type": "OutBoundNAT",
                                "Settings": {"Destinations": ["172.20.1.10"]}}])"));
    hcn::set_variable("K2S_HNS_VERSION", "10.1");
    BOOST_TEST(!Bridge(node.options).add(node.request(more, "second")));
    BOOST_TEST(node.reserved() == 1);
}

BOOST_AUTO_TEST_CASE(delete_succeeds_whatever_is_gone) {
    const Node node;
    const Bridge bridge(node.options);
    const auto request = node.request();
    BOOST_REQUIRE(bridge.add(request).has_value());
    boost::filesystem::remove(node.root / ("namespace-" + std::string(k_space) + ".json"));
    BOOST_TEST(bridge.del(request).has_value());
    BOOST_TEST(node.count("endpoint") == 0);
    BOOST_TEST(node.reserved() == 0);
    BOOST_TEST(bridge.del(request).has_value());
    auto unnamed = request;
    unnamed.netns.clear();
    node.put("namespace", k_space, "");
    BOOST_REQUIRE(bridge.add(request).has_value());
    BOOST_TEST(bridge.del(unnamed).has_value());
    BOOST_TEST(node.count("endpoint") == 0);
}

// As long as the endpoint is there, its address is kept.
BOOST_AUTO_TEST_CASE(delete_keeps_the_address_of_an_endpoint_that_stays) {
    const Node node;
    const Bridge bridge(node.options);
    BOOST_REQUIRE(bridge.add(node.request()).has_value());
    hcn::Double::fault("HcnDeleteEndpoint fail 80004005");
    BOOST_TEST(!bridge.del(node.request()));
    BOOST_TEST(node.reserved() == 1);
    hcn::Double::fault({});
    BOOST_TEST(bridge.del(node.request()).has_value());
    BOOST_TEST(node.reserved() == 0);
}

BOOST_AUTO_TEST_CASE(check_finds_what_changed) {
    const Node node;
    const Bridge bridge(node.options);
    auto request = node.request();
    BOOST_TEST(bridge.check(request).error().code == k_bad_config);
    const auto result = bridge.add(request);
    request.config["prevResult"] = to_json(*result, "1.1.0").value();
    BOOST_TEST(bridge.check(request).has_value());
    for (const auto &[path, value] : {std::pair{"/ips/0/address", "172.20.1.11/24"},
                                      {"/ips/0/gateway", "172.20.1.1"},
                                      {"/interfaces/0/mac", "00:15:5d:00:00:01"}}) {
        auto changed = request;
        changed.config["prevResult"][Json::json_pointer(path)] = value;
        BOOST_TEST(!bridge.check(changed));
    }
    auto elsewhere = request;
    elsewhere.netns = k_network;
    BOOST_TEST(!bridge.check(elsewhere));
    BOOST_REQUIRE(bridge.del(node.request()).has_value());
    BOOST_TEST(!bridge.check(request));
}

BOOST_AUTO_TEST_CASE(garbage_collection_spares_others) {
    const Node node;
    const Bridge bridge(node.options);
    for (const char *id : {"a", "b"}) {
        BOOST_REQUIRE(bridge.add(node.request({}, id)).has_value());
    }
    const auto network = settings_of(node, "HcnCreateEndpoint")["HostComputeNetwork"];
    node.put("endpoint", "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "cbr0_ep",
             R"(,"HostComputeNetwork":")" + network.get<std::string>() + "\"");
    auto request = node.request();
    request.config["cni.dev/valid-attachments"] =
        Json::parse(R"([{"containerID": "b", "ifname": "eth0"}])");
    BOOST_TEST(bridge.gc(request).has_value());
    BOOST_TEST(node.count("endpoint") == 2);
    BOOST_TEST(node.reserved() == 1);
}

BOOST_AUTO_TEST_CASE(status_says_whether_it_can_work) {
    Node node;
    const auto request = node.request();
    BOOST_TEST(Bridge(node.options).status(request).has_value());
    hcn::Double::fault("HcnEnumerateNetworks fail 800706ba");
    BOOST_TEST(Bridge(node.options).status(request).error().code == k_unavailable);
    hcn::Double::fault({});
    node.options.hcn.library_folder = node.root.string();
    BOOST_TEST(Bridge(node.options).status(request).error().code == k_unavailable);
}

} // namespace k2s::cni
