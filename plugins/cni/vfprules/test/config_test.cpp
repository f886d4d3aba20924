// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <string>

#include "vfprules/vfprules.hpp"

using namespace k2s;
using namespace k2s::vfprules;

namespace {

std::string routes(const std::string &list) {
    return R"({"routes":[)" + list + R"(],"vfpapi":["10.0.20348"],"hnsproxyconfig":{"x":"y"}})";
}

std::string route(const std::string &name, const std::string &subnet, const std::string &gateway,
                  const std::string &priority) {
    return R"({"name":")" + name + R"(","subnet":")" + subnet + R"(","gateway":")" + gateway +
           R"(","priority":")" + priority + R"("})";
}

LocalAddress local(const char *address, const char *interface, uint8_t last) {
    return {*Address::parse(address), interface, last, {0, 0x15, 0x5D, 1, 2, last}};
}

} // namespace

BOOST_AUTO_TEST_CASE(the_originals_file) {
    const auto config = read_config(
        "\xEF\xBB\xBF" + routes(route("PA_2", "172.20.0.0/24", "172.20.1.2", "201") + "," +
                                route("PA_1", "172.19.1.7/24", "172.20.1.2", "200") +
                                R"(,{"name":"six","subnet":"fd00:1::/64",)"
                                R"("gateway":"fd00:2::2","priority":7})"));
    BOOST_REQUIRE_MESSAGE(config, config.error().message);
    BOOST_REQUIRE_EQUAL(config->routes.size(), 3U);
    BOOST_TEST(config->routes[0].name == "six"); // in the order of priorities
    BOOST_TEST(config->routes[1].name == "PA_1");
    BOOST_TEST(config->routes[1].destination.text() == "172.19.1.0/24");
    BOOST_TEST(config->routes[2].priority == 201);
    BOOST_TEST(config->vfpapi.front() == "10.0.20348");
}

BOOST_AUTO_TEST_CASE(what_is_refused) {
    const auto good = route("a", "10.0.0.0/24", "10.1.0.2", "1");
    BOOST_TEST(read_config(routes(good)).has_value());
    const std::pair<std::string, const char *> cases[] = {
        {"", "vfprules.json"},
        {"[]", "no JSON object"},
        {"{}", "\"routes\" is missing"},
        {R"({"routes":[7]})", "routes[0] is no object"},
        {R"({"routes":[{}]})", "\"name\" is missing"},
        {routes(route("a b", "10.0.0.0/24", "10.1.0.2", "1")), "the name 'a b'"},
        {routes(route("a\\\"", "10.0.0.0/24", "10.1.0.2", "1")), "the name"},
        {routes(route("", "10.0.0.0/24", "10.1.0.2", "1")), "the name ''"},
        {routes(route("a", "10.0.0.0", "10.1.0.2", "1")), "the subnet '10.0.0.0'"},
        {routes(route("a", "10.0.0.0/33", "10.1.0.2", "1")), "the subnet '10.0.0.0/33'"},
        {routes(route("a", "10.0.0.0/24", "10.1.0", "1")), "the gateway '10.1.0'"},
        {routes(route("a", "10.0.0.0/24", "fd00::1", "1")), "no IPv4 address"},
        {routes(route("a", "fd00::/64", "10.0.0.1", "1")), "no IPv6 address"},
        {routes(route("a", "10.0.0.0/24", "10.1.0.2", "0")), "the priority '0'"},
        {routes(route("a", "10.0.0.0/24", "10.1.0.2", "65536")), "the priority '65536'"},
        {routes(route("a", "10.0.0.0/24", "10.1.0.2", "1x")), "the priority '1x'"},
        {routes(route("a", "10.0.0.0/24", "10.1.0.2", "-1")), "the priority '-1'"},
        {routes(good + "," + route("a", "10.2.0.0/24", "10.1.0.2", "2")), "two routes"},
        {routes(good + "," + route("b", "10.0.0.0/16", "10.1.0.2", "1")), "overlap"},
        {R"({"routes":[],"vfpapi":"x"})", "vfpapi"},
    };
    for (const auto &[text, expected] : cases) {
        const auto config = read_config(text);
        BOOST_REQUIRE_MESSAGE(!config, text);
        BOOST_TEST(config.error().code == K2S_E_CONFIG);
        BOOST_TEST(config.error().message.find(expected) != std::string::npos,
                   config.error().message);
    }
    BOOST_TEST(read_config(routes(good + "," + route("b", "10.9.0.0/16", "10.1.0.2", "1")))
                   .has_value()); // the same priority elsewhere
}

// The original looked for the gateway as a part of the address' text, and took 172.20.1.20 for it.
BOOST_AUTO_TEST_CASE(a_gateway_is_matched_exactly) {
    const auto config = read_config(routes(route("a", "10.0.0.0/24", "172.20.1.2", "1") + "," +
                                           route("b", "10.1.0.0/24", "172.22.1.2", "2")));
    BOOST_REQUIRE(config);
    const auto plan =
        make_plan(*config, {local("172.20.1.20", "wrong", 1), local("172.20.1.2", "cbr0_ep", 2),
                            local("fd00::2", "six", 3)});
    BOOST_REQUIRE_EQUAL(plan.rules.size(), 1U);
    BOOST_TEST(plan.rules[0].gateway.interface_name == "cbr0_ep");
    BOOST_TEST(text_of(plan.rules[0].gateway.mac) == "00-15-5D-01-02-02");
    BOOST_REQUIRE_EQUAL(plan.skipped.size(), 1U);
    BOOST_TEST(plan.skipped[0].name == "b");
    Report report;
    report.plan = plan;
    BOOST_TEST(!report.complete());
}

BOOST_AUTO_TEST_CASE(ids_of_ports_are_no_paths) {
    Options options;
    for (const char *bad : {"", "..", "a/b", "a b", "0123456789abcdef0123456789"}) {
        const auto report = inspect(bad, options);
        BOOST_REQUIRE_MESSAGE(!report, bad);
        BOOST_TEST(report.error().code == K2S_E_USAGE, bad);
    }
}
