// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include "../address.hpp"

using namespace k2s;

BOOST_AUTO_TEST_SUITE(addresses)

BOOST_AUTO_TEST_CASE(cidr_contains) {
    struct {
        const char *range, *address;
        bool inside;
    } const cases[] = {
        {"172.20.0.0/16", "172.20.255.1", true},
        {"172.20.0.0/16", "172.21.0.0", false},
        {"172.20.9.9/16", "172.20.0.1", true},
        {"10.0.0.0/9", "10.127.0.1", true},
        {"10.0.0.0/9", "10.128.0.1", false},
        {"0.0.0.0/0", "203.0.113.7", true},
        {"0.0.0.0/0", "::1", false},
        {"192.0.2.1/32", "192.0.2.1", true},
        {"192.0.2.1/32", "192.0.2.0", false},
        {"192.0.2.0/24", "::ffff:192.0.2.9", true},
        {"::ffff:192.0.2.0/120", "192.0.2.9", true},
        {"fd00::/8", "fdff::1", true},
        {"fd00::/8", "fe00::1", false},
        {"2001:db8::/33", "2001:db8:8000::", false},
        {"::/0", "2001:db8::1", true},
        {"::/0", "192.0.2.1", false},
    };
    for (const auto &c : cases) {
        const auto range = Cidr::parse(c.range);
        BOOST_REQUIRE_MESSAGE(range.has_value(), c.range);
        BOOST_CHECK_MESSAGE(range->contains(*parse_address(c.address)) == c.inside,
                            c.address << " in " << c.range);
    }
}

BOOST_AUTO_TEST_CASE(cidr_is_strict) {
    for (const char *text : {"", "/", "10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1",
                             "10.0.0.0/+8", "10.0.0.0/08x", "10.0.0/8", "010.0.0.0/8", "::/129",
                             "[::]/8", "fe80::1%1/64", "host/8", " 10.0.0.0/8"}) {
        const auto range = Cidr::parse(text);
        BOOST_REQUIRE_MESSAGE(!range, text);
        BOOST_CHECK_EQUAL(range.error().code, K2S_E_USAGE);
        BOOST_CHECK(range.error().message.find(text) != std::string::npos);
    }
}

BOOST_AUTO_TEST_SUITE_END()
