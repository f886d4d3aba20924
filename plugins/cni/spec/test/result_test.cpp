// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include "spec/result.hpp"
#include "spec/version.hpp"

namespace k2s::cni {
namespace {

Attachment dual_stack() {
    Attachment result;
    result.interfaces = {{"cni0", "02:00:00:00:00:01", {}}, {"eth0", {}, "/run/netns/a"}};
    result.ips = {{*Prefix::parse("10.1.0.5/16"), Address::parse("10.1.0.1"), 1},
                  {*Prefix::parse("fd00::5/64"), {}, 1}};
    Route route;
    route.destination = *Prefix::parse("0.0.0.0/0");
    route.priority = 7;
    result.routes = {route};
    result.dns.nameservers = {"10.0.0.10"};
    return result;
}

} // namespace

BOOST_AUTO_TEST_SUITE(results)

BOOST_AUTO_TEST_CASE(each_version_has_its_form) {
    BOOST_TEST(to_json(dual_stack(), "1.1.0").value() == Json::parse(R"({
        "cniVersion": "1.1.0",
        "interfaces": [{"name": "cni0", "mac": "02:00:00:00:00:01"},
                       {"name": "eth0", "sandbox": "/run/netns/a"}],
        "ips": [{"address": "10.1.0.5/16", "gateway": "10.1.0.1", "interface": 1},
                {"address": "fd00::5/64", "interface": 1}],
        "routes": [{"dst": "0.0.0.0/0", "priority": 7}],
        "dns": {"nameservers": ["10.0.0.10"]}})"));
    const Json old = to_json(dual_stack(), "0.4.0").value();
    BOOST_TEST(old["ips"][0]["version"] == "4");
    BOOST_TEST(old["ips"][1]["version"] == "6");
    BOOST_TEST(to_json(dual_stack(), "0.2.0").value() == Json::parse(R"({
        "cniVersion": "0.2.0",
        "ip4": {"ip": "10.1.0.5/16", "gateway": "10.1.0.1", "routes": [{"dst": "0.0.0.0/0"}]},
        "ip6": {"ip": "fd00::5/64"},
        "dns": {"nameservers": ["10.0.0.10"]}})"));
    BOOST_TEST(!to_json(Attachment{}, "0.2.0").has_value());
    BOOST_TEST(to_json(Attachment{}, "0.3.0").has_value());
}

BOOST_AUTO_TEST_CASE(each_form_is_read) {
    for (const auto version : k_versions) {
        const Json json = to_json(dual_stack(), std::string(version)).value();
        const auto read = attachment_from(json, "it").value();
        BOOST_REQUIRE(read.ips.size() == 2U);
        BOOST_TEST((read.ips[0].address == *Prefix::parse("10.1.0.5/16")));
        BOOST_TEST(read.routes.size() == 1U);
        BOOST_TEST(read.dns.nameservers.front() == "10.0.0.10");
    }
}

BOOST_AUTO_TEST_CASE(wrong_ones_name_the_member) {
    for (const char *text :
         {R"({"ips": [{"address": "10.0.0.1"}]})", R"({"ips": {}})", R"({"ips": [{}]})",
          R"({"routes": [{"dst": "x"}]})", R"({"interfaces": [{"name": 5}]})",
          R"({"dns": {"nameservers": "10.0.0.1"}})",
          R"({"routes": [{"dst": "10.0.0.0/8", "mtu": -1}]})"}) {
        const auto read = attachment_from(Json::parse(text), "prevResult");
        BOOST_REQUIRE_MESSAGE(!read, text);
        BOOST_TEST(read.error().code == k_bad_config);
        BOOST_TEST(read.error().message.starts_with("prevResult: "));
    }
}

BOOST_AUTO_TEST_CASE(case_of_names_does_not_matter) {
    const auto dns =
        dns_from(Json::parse(R"({"Nameservers": ["1.1.1.1"], "DOMAIN": "d"})")).value();
    BOOST_TEST(dns.nameservers.front() == "1.1.1.1");
    BOOST_TEST(dns.domain == "d");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace k2s::cni
