// SPDX-License-Identifier: MIT
#include "unit.hpp"

#include "destination.hpp"

using namespace k2s;
using namespace k2s::httpproxy;

BOOST_AUTO_TEST_SUITE(destinations)

BOOST_AUTO_TEST_CASE(classes_of_destinations) {
    struct {
        const char *address;
        AddressClass kind;
    } const cases[] = {
        {"192.0.2.1", AddressClass::ordinary},
        {"172.19.1.1", AddressClass::ordinary},
        {"2001:db8::1", AddressClass::ordinary},
        {"127.0.0.1", AddressClass::loopback},
        {"127.255.0.3", AddressClass::loopback},
        {"::1", AddressClass::loopback},
        {"::ffff:127.0.0.1", AddressClass::loopback},
        {"::127.0.0.1", AddressClass::loopback},
        {"64:ff9b::7f00:1", AddressClass::loopback},
        {"169.254.3.4", AddressClass::link_local},
        {"fe80::1", AddressClass::link_local},
        {"169.254.169.254", AddressClass::metadata},
        {"::ffff:169.254.169.254", AddressClass::metadata},
        {"fd00:ec2::254", AddressClass::metadata},
        {"0.0.0.0", AddressClass::unspecified},
        {"0.1.2.3", AddressClass::unspecified},
        {"::", AddressClass::unspecified},
        {"::ffff:0.0.0.0", AddressClass::unspecified},
        {"224.0.0.1", AddressClass::multicast},
        {"239.1.1.1", AddressClass::multicast},
        {"255.255.255.255", AddressClass::multicast},
        {"ff02::1", AddressClass::multicast},
    };
    for (const auto &c : cases) {
        BOOST_CHECK_MESSAGE(classify(*parse_address(c.address)) == c.kind, c.address);
    }
}

BOOST_AUTO_TEST_CASE(remote_clients_reach_what_is_allowed) {
    const std::vector<Cidr> allowed{*Cidr::parse("127.0.0.5/32")};
    BOOST_CHECK(remote_client_may_reach(*parse_address("192.0.2.1"), {}));
    BOOST_CHECK(!remote_client_may_reach(*parse_address("127.0.0.1"), {}));
    BOOST_CHECK(!remote_client_may_reach(*parse_address("127.0.0.1"), allowed));
    BOOST_CHECK(remote_client_may_reach(*parse_address("127.0.0.5"), allowed));
}

BOOST_AUTO_TEST_SUITE_END()
