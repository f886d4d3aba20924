// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include "vfprules/restart_watch.hpp"
#include "vfprules/vfpctrl.hpp"

using namespace k2s::vfprules;

namespace {

constexpr const char *k_ports =
    "ITEM LIST\r\n==========\r\n\r\n"
    "  Port name             : 1111\r\n"
    "  Port Friendly name    : ExternalPort\r\n"
    "  Switch name           : 04F2CC76\r\n\r\n"
    "  Port name             : 4FD72AB0-2C35-4AE7-AC9A-F893495BD5EF\r\n"
    "  Port Friendly name    : B5F4E943-756D-4EE8-A70C-DF5AD7C74715\r\n";

constexpr const char *k_rules = "LAYER : VNET_PA_ROUTE_LAYER\n  GROUP : G\n"
                                "    RULE : PA_ROUTE_k2s_10\n"
                                "      Friendly name : PA_ROUTE_k2s_10\n"
                                "      Priority : 210\n"
                                "      Flags : 128 opt-condition\n"
                                "      Type : transpose\n"
                                "      Conditions:\n"
                                "        Destination IP : 172.19.1.0-172.19.1.255\n"
                                "      Flow TTL: 0\n"
                                "      Rule Data:\n"
                                "        modify 00-00-00-00-00-00 00-15-5D-01-02-03\n"
                                "\n    RULE : other\n      Priority : 1\n";

Rule rule(const char *name, const char *subnet, uint16_t priority) {
    return {{name, *Prefix::parse(subnet), *Address::parse("172.20.1.2"), priority},
            {*Address::parse("172.20.1.2"), "cbr0_ep", 7, {0x00, 0x15, 0x5D, 0x01, 0x02, 0x03}}};
}

} // namespace

BOOST_AUTO_TEST_CASE(a_port_is_found_by_its_friendly_name) {
    BOOST_TEST(read_port_name(k_ports, "b5f4e943-756d-4ee8-a70c-df5ad7c74715").value() ==
               "4FD72AB0-2C35-4AE7-AC9A-F893495BD5EF");
    BOOST_TEST(!read_port_name(k_ports, "b5f4e943-756d-4ee8-a70c-df5ad7c74716"));
    BOOST_TEST(!read_port_name("", "x"));
    BOOST_TEST(!read_port_name("Port Friendly name : x\n", "x")); // without a name before it
}

// The original took _10 for _1, because it looked for a part of the text.
BOOST_AUTO_TEST_CASE(rules_are_told_apart_by_their_whole_name) {
    const auto rules = read_rules(k_rules);
    BOOST_REQUIRE_EQUAL(rules.size(), 2U);
    BOOST_TEST(rules[0].id == "PA_ROUTE_k2s_10");
    BOOST_TEST(rules[1].id == "other");
    BOOST_TEST(read_rules("").empty());
}

BOOST_AUTO_TEST_CASE(what_is_listed_is_compared) {
    const Listed listed = read_rules(k_rules)[0];
    BOOST_TEST(agrees(listed, rule("PA_ROUTE_k2s_10", "172.19.1.0/24", 210)));
    BOOST_TEST(!agrees(listed, rule("PA_ROUTE_k2s_10", "172.19.1.0/24", 211)));
    BOOST_TEST(!agrees(listed, rule("PA_ROUTE_k2s_10", "172.19.2.0/24", 210)));
    auto other = rule("PA_ROUTE_k2s_10", "172.19.1.0/24", 210);
    other.gateway.mac[5] = 4;
    BOOST_TEST(!agrees(listed, other));
    BOOST_TEST(agrees({"x", "Type : transpose\n"}, other)); // shows nothing to compare
}

BOOST_AUTO_TEST_CASE(the_rule_is_the_originals_text) {
    BOOST_TEST(rule_text(rule("PA_ROUTE_k2s_1", "172.19.1.0/24", 200)) ==
               "PA_ROUTE_k2s_1 PA_ROUTE_k2s_1 * * * 172.19.1.0/24 * 128 * 200 transpose *,0/*,0 "
               "modify 00-00-00-00-00-00 00-15-5D-01-02-03");
}

BOOST_AUTO_TEST_CASE(a_restart_is_another_process) {
    std::vector<uint32_t> processes{7, 7, 0, 0, 8, 8};
    std::size_t next = 0;
    RestartWatch watch([&] { return processes[std::min(next++, processes.size() - 1)]; },
                       std::chrono::milliseconds(1));
    BOOST_TEST(watch.wait([] { return false; }).value());
    BOOST_TEST(next == 5U);
    BOOST_TEST(!watch.wait([&] { return next > 10; }).value());
}
