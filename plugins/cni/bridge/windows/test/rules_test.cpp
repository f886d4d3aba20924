// SPDX-License-Identifier: MIT
// bridge with vfprules in its process: doubles of computenetwork.dll and vfpapi.dll.
#include "bridge/windows/test/node.hpp"

#include <algorithm>

namespace k2s::cni {
namespace {

namespace files = boost::filesystem;

/// A node with vfpapi.dll, and a rule whose gateway is an address of this machine.
struct RulesNode : Node {
    vfprules::Options rules;
    std::vector<std::string> skipped;

    RulesNode() {
        const auto &suite = boost::unit_test::framework::master_test_suite();
        files::copy_file(suite.argv[2], root / "vfpapi.dll");
        hcn::set_variable("K2S_TEST_CALLS", (root / "vfp-calls").string());
        behave("");
        rules.rules_file = (root / "vfprules.json").string();
        rules.vfp_folder = root.string();
        rules.records = (root / "records").string();
        const auto addresses = vfprules::local_addresses();
        const auto own = std::ranges::find_if(
            *addresses, [](const vfprules::LocalAddress &one) { return one.address.is_v4(); });
        if (own != addresses->end()) {
            write(own->address.text());
        }
    }

    /// As K2S_TEST_VFPAPI of the double.
    static void behave(const std::string &how) { hcn::set_variable("K2S_TEST_VFPAPI", how); }
    void write(const std::string &gateway) {
        files::ofstream(rules.rules_file)
            << R"({"routes": [{"name": "services", "subnet": "172.21.0.0/24", "gateway": ")" +
                   gateway + R"(", "priority": "202"}]})";
    }
    /// False: wine shows no Ethernet interface with an address.
    bool has_gateway() const {
        const bool has = files::exists(rules.rules_file);
        BOOST_WARN_MESSAGE(has, "this machine has no Ethernet interface with an IPv4 address");
        return has;
    }
    Result<Attachment> add() {
        options.rules = PortRules(
            rules, [this](const vfprules::Route &route) { skipped.push_back(route.name); });
        return Bridge(options).add(request());
    }
    std::string rule_calls() const {
        files::ifstream file(root / "vfp-calls", std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    void check_nothing_left() const {
        BOOST_TEST(count("endpoint") == 0);
        BOOST_TEST(reserved() == 0);
        BOOST_TEST(vfprules::remembered(rules).empty());
    }
};

} // namespace

BOOST_AUTO_TEST_CASE(rules_are_on_the_port_when_add_returns) {
    RulesNode node;
    if (!node.has_gateway()) {
        return;
    }
    const auto added = node.add();
    BOOST_TEST_INFO((added ? std::string() : added.error().message));
    BOOST_REQUIRE(added.has_value());
    const auto ports = vfprules::remembered(node.rules);
    BOOST_REQUIRE(ports.size() == 1);
    BOOST_TEST(hcn::parse_guid(ports.front()).has_value());
    const auto calls = node.rule_calls();
    BOOST_TEST_INFO(calls);
    BOOST_TEST(calls.find("port=" + ports.front() + " ") != std::string::npos);
    BOOST_TEST(calls.find("priority=202 id=services name=services range=ac150000ac1500ff") !=
               std::string::npos);
    BOOST_REQUIRE(Bridge(node.options).del(node.request()).has_value());
    node.check_nothing_left();
}

BOOST_AUTO_TEST_CASE(garbage_collection_forgets_ports) {
    RulesNode node;
    if (!node.has_gateway()) {
        return;
    }
    BOOST_REQUIRE(node.add().has_value());
    auto request = node.request();
    request.config["cni.dev/valid-attachments"] = Json::array();
    BOOST_TEST(Bridge(node.options).gc(request).has_value());
    node.check_nothing_left();
}

BOOST_AUTO_TEST_CASE(garbage_collection_forgets_ports_that_somebody_else_removed) {
    RulesNode node;
    node.write("203.0.113.254");
    BOOST_REQUIRE(node.add().has_value());
    auto request = node.request();
    request.config["cni.dev/valid-attachments"] =
        Json::parse(R"([{"containerID": "pod", "ifname": "eth0"}])");
    BOOST_TEST(Bridge(node.options).gc(request).has_value());
    BOOST_TEST(vfprules::remembered(node.rules).size() == 1);
    for (const auto &port : vfprules::remembered(node.rules)) {
        files::remove(node.root / ("endpoint-" + port + ".json"));
    }
    BOOST_TEST(Bridge(node.options).gc(request).has_value());
    BOOST_TEST(vfprules::remembered(node.rules).empty());
}

BOOST_AUTO_TEST_CASE(a_repeated_add_that_fails_keeps_the_port) {
    RulesNode node;
    node.write("203.0.113.254");
    BOOST_REQUIRE(node.add().has_value());
    const auto ports = vfprules::remembered(node.rules);
    files::ofstream(node.rules.rules_file) << "{";
    BOOST_TEST(!node.add().has_value());
    BOOST_TEST(node.count("endpoint") == 1);
    BOOST_TEST(vfprules::remembered(node.rules) == ports);
}

BOOST_AUTO_TEST_CASE(a_rule_that_is_refused_fails_the_pod) {
    RulesNode node;
    if (!node.has_gateway()) {
        return;
    }
    RulesNode::behave("add 5");
    const auto added = node.add();
    BOOST_REQUIRE(!added);
    BOOST_TEST(added.error().code == k_internal);
    BOOST_TEST(added.error().message ==
               "route rule services of the pod's port: failed: VfcAddObject: Windows error 5");
    node.check_nothing_left();
}

BOOST_AUTO_TEST_CASE(a_library_that_hangs_ends_at_the_deadline) {
    RulesNode node;
    if (!node.has_gateway()) {
        return;
    }
    RulesNode::behave("hang");
    node.rules.timeout = std::chrono::milliseconds(500);
    const auto added = node.add();
    BOOST_REQUIRE(!added);
    BOOST_TEST(added.error().code == k_try_later);
    node.check_nothing_left();
}

BOOST_AUTO_TEST_CASE(rules_that_cannot_be_read_fail_the_pod) {
    RulesNode node;
    files::ofstream(node.rules.rules_file) << "{\"routes\": 1}";
    const auto added = node.add();
    BOOST_REQUIRE(!added);
    BOOST_TEST(added.error().code == k_bad_config);
    node.check_nothing_left();
}

BOOST_AUTO_TEST_CASE(a_missing_gateway_is_only_said) {
    RulesNode node;
    node.write("203.0.113.254");
    BOOST_TEST(node.add().has_value());
    BOOST_TEST(node.skipped == std::vector<std::string>{"services"});
    BOOST_TEST(node.rule_calls().empty());
}

} // namespace k2s::cni
