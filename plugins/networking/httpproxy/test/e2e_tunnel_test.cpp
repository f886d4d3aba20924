// SPDX-License-Identifier: MIT
#include "unit.hpp"

#include "harness.hpp"

using namespace test;

namespace {

Peer open_tunnel(const Harness &proxy, const std::string &authority) {
    Peer client = proxy.client();
    client.write("CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority + "\r\n\r\n");
    const std::string head = client.read_head();
    BOOST_REQUIRE_MESSAGE(head.starts_with("HTTP/1.1 200 "), head);
    return client;
}

} // namespace

BOOST_AUTO_TEST_SUITE(tunnel)

BOOST_AUTO_TEST_CASE(bytes_pass_both_ways) {
    Origin origin([](Peer &peer) {
        peer.write("hello");
        peer.write("echo " + peer.read(4));
        peer.read_all();
    });
    Harness proxy;
    Peer client = open_tunnel(proxy, origin.authority());
    BOOST_CHECK_EQUAL(client.read(5), "hello");
    client.write("ping");
    BOOST_CHECK_EQUAL(client.read(9), "echo ping");
    BOOST_CHECK_EQUAL(proxy.stats().active_tunnels.get(), 1U);
    client.close();
    BOOST_CHECK(proxy.recorder().saw("access CONNECT " + origin.authority() +
                                     " 200 in=4 out=14 route=direct"));
    BOOST_CHECK_EQUAL(proxy.stats().active_tunnels.get(), 0U);
}

BOOST_AUTO_TEST_CASE(bytes_sent_with_the_request_are_not_lost) {
    Origin origin([](Peer &peer) { peer.write("got " + peer.read(5)); });
    Harness proxy;
    Peer client = proxy.client();
    client.write("CONNECT " + origin.authority() + " HTTP/1.0\r\n\r\nearly");
    client.read_head();
    BOOST_CHECK_EQUAL(client.read(9), "got early");
}

BOOST_AUTO_TEST_CASE(half_close_in_both_directions) {
    Origin origin([](Peer &peer) {
        const std::string all = peer.read_all(); // ends with the client's half-close
        peer.write("after the end: " + all);
    });
    Harness proxy;
    Peer client = open_tunnel(proxy, origin.authority());
    client.write("request");
    client.shutdown_send();
    BOOST_CHECK_EQUAL(client.read_all(), "after the end: request");

    Origin listener([](Peer &peer) {
        peer.write("bye");
        peer.shutdown_send();
        BOOST_CHECK_EQUAL(peer.read_all(), "still here");
    });
    Peer other = open_tunnel(proxy, listener.authority());
    BOOST_CHECK_EQUAL(other.read_all(), "bye");
    other.write("still here");
    other.shutdown_send();
}

BOOST_AUTO_TEST_CASE(much_data_with_a_slow_reader) {
    constexpr size_t k_size = 8 * 1024 * 1024;
    Origin origin([](Peer &peer) {
        const std::string block(64 * 1024, 'd');
        for (size_t sent = 0; sent < k_size; sent += block.size()) {
            peer.write(block);
        }
    });
    Harness proxy;
    Peer client = open_tunnel(proxy, origin.authority());
    client.read(1);
    std::this_thread::sleep_for(std::chrono::milliseconds(100)); // every buffer fills up meanwhile
    BOOST_CHECK_LT(proxy.stats().bytes_out.get(), k_size);
    BOOST_CHECK_EQUAL(client.read_all().size(), k_size - 1);
}

BOOST_AUTO_TEST_CASE(idle_tunnels_end) {
    Origin origin([](Peer &peer) { peer.read_all(); });
    Config config = quick();
    config.tunnel_idle_timeout = std::chrono::milliseconds(100);
    Harness proxy(config);
    Peer client = open_tunnel(proxy, origin.authority());
    BOOST_CHECK(client.at_end());
    BOOST_CHECK(proxy.recorder().saw("idle for too long"));
}

BOOST_AUTO_TEST_CASE(targets_that_cannot_be_reached) {
    Config config = quick();
    config.hosts["two.test"] = {"127.0.0.1"};
    uint16_t free_port = 0;
    {
        Origin closed([](Peer &) {});
        free_port = closed.port();
    }
    Harness proxy(config);
    const auto connect = [&](const std::string &authority) {
        return proxy.once("CONNECT " + authority + " HTTP/1.1\r\n\r\n");
    };
    const std::string refused = connect("two.test:" + std::to_string(free_port));
    BOOST_CHECK(refused.starts_with("HTTP/1.1 502 "));
    BOOST_CHECK(contains(refused, "cannot connect to two.test:"));
    const std::string unknown = connect("does-not-exist.invalid:443");
    BOOST_CHECK(unknown.starts_with("HTTP/1.1 502 "));
    BOOST_CHECK(contains(unknown, "cannot be resolved"));
    BOOST_CHECK(connect("host-without-port").starts_with("HTTP/1.1 400 "));
    BOOST_CHECK(connect("127.0.0.1:0").starts_with("HTTP/1.1 400 "));
    BOOST_CHECK(proxy.once("CONNECT h:1 HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc")
                    .starts_with("HTTP/1.1 400 "));
}

BOOST_AUTO_TEST_CASE(every_address_of_a_name_is_tried) {
    Origin origin([](Peer &peer) { peer.write("reached"); });
    Config config = quick();
    // The first ones refuse: nothing else listens on these loopback addresses.
    config.hosts["many.test"] = {"127.0.0.2", "127.0.0.3", "127.0.0.1"};
    Harness proxy(config);
    Peer client = open_tunnel(proxy, "Many.Test:" + std::to_string(origin.port()));
    BOOST_CHECK_EQUAL(client.read_all(), "reached");
}

BOOST_AUTO_TEST_SUITE_END()
