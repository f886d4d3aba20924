// SPDX-License-Identifier: MIT
#include "unit.hpp"

#include "harness.hpp"

using namespace test;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(clients)

BOOST_AUTO_TEST_CASE(networks_that_are_not_allowed_are_refused) {
    Origin origin(named("in"));
    Config config = forward_to({origin.url()});
    config.forwards[0].allowed_cidrs = {"10.99.0.0/16"};
    Harness proxy(config);
    BOOST_CHECK_EQUAL(proxy.whole_answer(), "");
    BOOST_CHECK_EQUAL(proxy.counters().denied.get(), 1U);
    BOOST_CHECK_EQUAL(origin.connections(), 0);
    config.forwards[0].allowed_cidrs.push_back("127.0.0.0/8");
    BOOST_REQUIRE(proxy.reload(config));
    BOOST_CHECK_EQUAL(proxy.whole_answer(), "in");
}

BOOST_AUTO_TEST_CASE(limits_hold_and_free_places_are_given_again) {
    Origin origin(echo);
    Config config = forward_to({origin.url()});
    config.forwards[0].max_connections_per_client = 2;
    Harness proxy(config);
    Peer first = proxy.client();
    Peer second = proxy.client();
    for (Peer *peer : {&first, &second}) {
        peer->write("x");
        BOOST_CHECK_EQUAL(peer->read(1), "x");
    }
    BOOST_CHECK_EQUAL(proxy.whole_answer(), "");
    BOOST_CHECK_EQUAL(proxy.counters().rejected_limits.get(), 1U);
    first.close();
    BOOST_CHECK(eventually([&] { return proxy.counters().active.get() == 1; }));
    Peer third = proxy.client();
    third.write("y");
    BOOST_CHECK_EQUAL(third.read(1), "y");
}

BOOST_AUTO_TEST_CASE(targets_are_told_who_the_client_is) {
    Origin origin(echo);
    Config config = forward_to({origin.url()});
    config.forwards[0].proxy_protocol_send = "v1";
    Harness proxy(config);
    Peer client = proxy.client();
    const auto local = client.socket().local_endpoint();
    const std::string expected = "PROXY TCP4 127.0.0.1 127.0.0.1 " + std::to_string(local.port()) +
                                 " " + std::to_string(proxy.port()) + "\r\n";
    BOOST_CHECK_EQUAL(client.read(expected.size()), expected); // before the client has sent a byte
    client.write("x");
    BOOST_CHECK_EQUAL(client.read(1), "x");
    config.forwards[0].proxy_protocol_send = "v2";
    BOOST_REQUIRE(proxy.reload(config));
    Peer other = proxy.client();
    BOOST_CHECK_EQUAL(other.read(12), std::string("\r\n\r\n\0\r\nQUIT\n", 12));
}

BOOST_AUTO_TEST_CASE(a_header_of_a_trusted_proxy_is_believed_and_passed_on) {
    Origin origin(echo);
    Config config = forward_to({origin.url()});
    ForwardConfig &forward = config.forwards[0];
    forward.proxy_protocol_accept = "required";
    forward.proxy_protocol_trusted = {"127.0.0.0/8"};
    forward.proxy_protocol_send = "v1";
    forward.allowed_cidrs = {"192.0.2.0/24"};
    Harness proxy(config);
    const std::string header = "PROXY TCP4 192.0.2.7 198.51.100.1 1000 443\r\n";
    Peer client = proxy.client();
    client.write(header + "rest");
    BOOST_CHECK_EQUAL(client.read(header.size() + 4), header + "rest");
    client.write("more");
    BOOST_CHECK_EQUAL(client.read(4), "more");

    Peer stranger = proxy.client(); // the network of the real client counts
    stranger.write("PROXY TCP4 203.0.113.7 198.51.100.1 1000 443\r\n");
    BOOST_CHECK_EQUAL(stranger.read_all(), "");
    BOOST_CHECK_EQUAL(proxy.counters().denied.get(), 1U);

    for (const std::string &wrong :
         {std::string("GET / HTTP/1.1\r\n\r\n"), std::string("PROXY TCP4 192.0.2.7\r\n"),
          std::string("PROXY\r\n"), std::string(200, 'P')}) {
        Peer liar = proxy.client();
        liar.write(wrong);
        BOOST_CHECK_EQUAL(liar.read_all(), "");
    }
    BOOST_CHECK_EQUAL(proxy.counters().errors_proxy_header.get(), 4U);
    BOOST_CHECK_EQUAL(origin.connections(), 1);
}

BOOST_AUTO_TEST_CASE(headers_of_others_are_refused) {
    Origin origin(echo);
    Config config = forward_to({origin.url()});
    config.forwards[0].proxy_protocol_accept = "required";
    config.forwards[0].proxy_protocol_trusted = {"192.0.2.0/24"};
    Harness proxy(config);
    Peer client = proxy.client();
    client.write("PROXY TCP4 192.0.2.7 198.51.100.1 1000 443\r\n");
    BOOST_CHECK_EQUAL(client.read_all(), "");
    BOOST_CHECK_EQUAL(proxy.counters().denied.get(), 1U);
    BOOST_CHECK_EQUAL(origin.connections(), 0);
}

BOOST_AUTO_TEST_SUITE_END()
