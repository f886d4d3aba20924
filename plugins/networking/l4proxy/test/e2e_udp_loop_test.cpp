// SPDX-License-Identifier: MIT
#include "unit.hpp"

#include "harness.hpp"
#include "udp_harness.hpp"

using namespace test;
using namespace std::chrono_literals;
namespace ip = boost::asio::ip;

namespace {

uint16_t free_udp_port() {
    return UdpPeer({ip::address_v4::any(), 0}).endpoint().port();
}

std::string udp_url(const std::string &host, uint16_t port) {
    return "udp://" + host + ":" + std::to_string(port);
}

ForwardConfig udp_forward(const std::string &name, const std::string &listen,
                          const std::string &to) {
    ForwardConfig forward;
    forward.name = name;
    forward.listen = {listen};
    forward.targets = {{.to = to}};
    return forward;
}

Config config_of(std::vector<ForwardConfig> forwards) {
    Config config;
    config.forwards = std::move(forwards);
    return config;
}

// The address that this machine sends from; nothing is sent. Unspecified when there is no route.
ip::address own_address() {
    boost::asio::io_context io;
    Udp::socket socket(io, Udp::v4());
    boost::system::error_code ec;
    socket.connect({ip::make_address("192.0.2.1"), 9}, ec);
    return ec ? ip::address(ip::address_v4()) : socket.local_endpoint().address();
}

struct Seen {
    uint64_t loops = 0;
    uint64_t datagrams = 0;
    uint64_t sessions = 0; // ever
};

Seen seen_by(Harness &proxy) {
    Seen all;
    proxy.on_thread([&](k2s::l4proxy::Proxy &running) {
        for (const auto &forward : running.forwards()) {
            all.loops += forward->counters.errors_loop.get();
            all.datagrams += forward->udp_counters->client_datagrams.get();
            all.sessions += forward->udp_counters->sessions_total.get();
        }
    });
    return all;
}

// One datagram must have been all that moved.
void check_one_round(Harness &proxy, uint16_t port) {
    UdpPeer client;
    client.send("round and round", {ip::address_v4::loopback(), port});
    BOOST_CHECK(eventually([&] { return seen_by(proxy).loops != 0; }));
    std::this_thread::sleep_for(200ms); // a loop makes thousands of rounds meanwhile
    const Seen seen = seen_by(proxy);
    BOOST_CHECK_EQUAL(seen.loops, 1U);
    BOOST_CHECK_LE(seen.datagrams, 1U);
    BOOST_CHECK_EQUAL(seen.sessions, 0U);
    BOOST_CHECK(proxy.recorder().saw("it is this proxy itself"));
}

} // namespace

BOOST_AUTO_TEST_SUITE(udp_loops)

BOOST_AUTO_TEST_CASE(two_forwards_to_each_other) {
    const uint16_t one = free_udp_port();
    const uint16_t two = free_udp_port();
    const std::string a = udp_url("127.0.0.1", one);
    const std::string b = udp_url("127.0.0.1", two);
    Harness proxy(config_of({udp_forward("a", a, b), udp_forward("b", b, a)}));
    check_one_round(proxy, one);
}

BOOST_AUTO_TEST_CASE(a_wildcard_listener_by_its_own_address) {
    const ip::address own = own_address();
    if (own.is_unspecified()) {
        BOOST_TEST_MESSAGE("no route: nothing to test");
        return;
    }
    const uint16_t port = free_udp_port();
    Harness proxy(
        config_of({udp_forward("main", udp_url("", port), udp_url(own.to_string(), port))}));
    check_one_round(proxy, port);
}

// Names are looked up ahead, so the first datagrams may find no target yet.
BOOST_AUTO_TEST_CASE(a_wildcard_listener_by_a_name) {
    const uint16_t port = free_udp_port();
    Config config = config_of({udp_forward("main", udp_url("", port), udp_url("self.test", port))});
    config.hosts["self.test"] = {"127.0.0.1"};
    Harness proxy(config);
    UdpPeer client;
    BOOST_CHECK(eventually([&] {
        client.send("x", {ip::address_v4::loopback(), port});
        return seen_by(proxy).loops != 0;
    }));
    BOOST_CHECK_EQUAL(seen_by(proxy).sessions, 0U);
}

// The same port elsewhere is no loop.
BOOST_AUTO_TEST_CASE(another_host_at_the_same_port) {
    if (!loopback_has_more_addresses()) {
        return;
    }
    UdpServer server([](const std::string &datagram) { return echo(datagram); },
                     {ip::make_address("127.0.0.2"), 0});
    const uint16_t port = server.endpoint().port();
    Harness proxy(
        config_of({udp_forward("main", udp_url("127.0.0.1", port), udp_url("127.0.0.2", port))}));
    UdpPeer client;
    client.send("there and back", {ip::address_v4::loopback(), port});
    const auto got = client.receive();
    BOOST_REQUIRE(got);
    BOOST_CHECK_EQUAL(*got, "there and back");
    BOOST_CHECK_EQUAL(seen_by(proxy).loops, 0U);
}

BOOST_AUTO_TEST_SUITE_END()
