// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include "spec/address.hpp"
#include "spec/instance.hpp"

namespace k2s::cni {

BOOST_AUTO_TEST_SUITE(address)

BOOST_AUTO_TEST_CASE(texts_are_read_and_written) {
    for (const char *text :
         {"0.0.0.0", "10.1.2.3", "255.255.255.255", "::", "fd00::1", "2001:db8::a:0:0:1"}) {
        BOOST_TEST(Address::parse(text).value().text() == text);
    }
    BOOST_TEST(Address::parse("::ffff:10.0.0.1").value().text() == "10.0.0.1");
    for (const char *text :
         {"", "10.1.2", "10.1.2.256", "10.01.2.3", "1:2", "fd00::g", " 10.0.0.1", "10.0.0.1/8",
          "12345678901234567890123456789012345678901234567890123456789012345"}) {
        BOOST_TEST(!Address::parse(text).has_value(), text);
    }
}

BOOST_AUTO_TEST_CASE(neighbours_carry_over) {
    BOOST_TEST(Address::parse("10.0.255.255")->next().text() == "10.1.0.0");
    BOOST_TEST(Address::parse("10.1.0.0")->previous().text() == "10.0.255.255");
    BOOST_TEST(Address::parse("fd00::ffff:ffff")->next().text() == "fd00::1:0:0");
    BOOST_TEST(Address::parse("255.255.255.255")->next().text() == "0.0.0.0");
}

BOOST_AUTO_TEST_CASE(prefixes_have_networks) {
    const auto prefix = Prefix::parse("10.1.130.7/22").value();
    BOOST_TEST(prefix.network().text() == "10.1.128.0");
    BOOST_TEST(prefix.address.filled(prefix.length).text() == "10.1.131.255");
    BOOST_TEST(prefix.contains(*Address::parse("10.1.131.1")));
    BOOST_TEST(!prefix.contains(*Address::parse("10.1.132.1")));
    BOOST_TEST(!prefix.contains(*Address::parse("fd00::1")));
    for (const char *text :
         {"10.0.0.0", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "fd00::/129"}) {
        BOOST_TEST(!Prefix::parse(text).has_value(), text);
    }
}

BOOST_AUTO_TEST_CASE(the_order_is_that_of_numbers) {
    BOOST_TEST((*Address::parse("9.0.0.1") < *Address::parse("10.0.0.0")));
    BOOST_TEST((*Address::parse("10.0.0.255") < *Address::parse("10.0.1.0")));
    BOOST_TEST((*Address::parse("255.0.0.0") < *Address::parse("::1")));
}

BOOST_AUTO_TEST_CASE(the_hash_is_sha512) {
    BOOST_TEST(sha512_hex("abc") ==
               "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
               "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
    BOOST_TEST(sha512_hex("").substr(0, 16) == "cf83e1357eefb8bd");
    // Around the block's end, where the length needs a block of its own.
    BOOST_TEST(sha512_hex(std::string(111, 'a')).substr(0, 16) == "fa9121c7b32b9e01");
    BOOST_TEST(sha512_hex(std::string(112, 'a')).substr(0, 16) == "c01d080efd492776");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace k2s::cni
