// SPDX-License-Identifier: MIT
#include "unit.hpp"

#include <set>

#include "udp_harness.hpp"

using namespace test;
using k2s::Address;
using namespace k2s::l4proxy;
using namespace std::chrono_literals;
namespace ip = boost::asio::ip;

namespace {

UdpTarget to(const Udp::endpoint &endpoint) {
    return {{}, endpoint};
}

// A port of the loopback that nobody listens on.
Udp::endpoint unused_port() {
    UdpPeer peer;
    return peer.endpoint();
}

// Sends what cannot arrive until an ICMP error says so.
void lose_one(UdpPeer &client, UdpHarness &proxy) {
    const uint64_t before = proxy.counters().unreachable.get();
    BOOST_REQUIRE(eventually([&] {
        client.send("lost", proxy.endpoint());
        std::this_thread::sleep_for(20ms);
        return proxy.counters().unreachable.get() > before;
    }));
}

} // namespace

BOOST_AUTO_TEST_SUITE(udp_forwarding)

BOOST_AUTO_TEST_CASE(request_and_reply) {
    UdpServer server(
        [](const std::string &query) { return std::vector<std::string>{"answer to " + query}; });
    UdpHarness proxy({to(server.endpoint())});
    UdpPeer client;
    for (int i = 0; i < 10; ++i) {
        client.send("query " + std::to_string(i), proxy.endpoint());
        const auto got = client.receive();
        BOOST_REQUIRE(got);
        BOOST_CHECK_EQUAL(*got, "answer to query " + std::to_string(i));
        BOOST_CHECK_EQUAL(client.from, proxy.endpoint());
    }
    BOOST_CHECK_EQUAL(server.clients(), 1U); // one session
    BOOST_CHECK_EQUAL(proxy.counters().sessions.get(), 1U);
    BOOST_CHECK_EQUAL(proxy.counters().client_datagrams.get(), 10U);
    BOOST_CHECK_EQUAL(proxy.counters().target_datagrams.get(), 10U);
    proxy.on_thread([](UdpForward &forward) { forward.close(); });
    BOOST_REQUIRE_EQUAL(proxy.ended().size(), 1U);
    BOOST_CHECK_EQUAL(proxy.ended()[0], "closed a 10/70 10/170");
}

BOOST_AUTO_TEST_CASE(sizes_from_nothing_to_the_largest) {
    UdpServer server(echo);
    UdpHarness proxy({to(server.endpoint())});
    UdpPeer client;
    for (const size_t size : {0, 1, 63, 64, 548, 1400, 1472, 1500, 9000, 32768, 65507}) {
        const std::string datagram(size, static_cast<char>('a' + size % 26));
        client.send(datagram, proxy.endpoint());
        const auto got = client.receive();
        BOOST_REQUIRE_MESSAGE(got, size);
        BOOST_CHECK(*got == datagram);
    }
}

BOOST_AUTO_TEST_CASE(bursts_of_mixed_sizes_keep_their_order) {
    UdpServer server([](const std::string &) { return std::vector<std::string>{}; });
    std::vector<std::string> seen;
    UdpPeer sink;
    UdpHarness proxy({to(sink.endpoint())});
    UdpPeer client;
    std::vector<std::string> sent;
    const size_t sizes[] = {100, 100, 100, 40, 100, 0, 0, 100, 1400, 1400, 1400, 3, 9000, 9000, 64};
    for (int round = 0; round < 10; ++round) {
        for (const size_t size : sizes) {
            std::string datagram(size, 'x');
            const std::string number = std::to_string(sent.size());
            datagram.replace(0, std::min(size, number.size()), number, 0, size);
            client.send(datagram, proxy.endpoint());
            sent.push_back(datagram);
        }
        for (size_t i = 0; i < std::size(sizes); ++i) {
            const auto got = sink.receive();
            BOOST_REQUIRE(got);
            seen.push_back(*got);
        }
    }
    BOOST_CHECK(seen == sent);
}

BOOST_AUTO_TEST_CASE(several_answers_to_one_datagram) {
    UdpServer server([](const std::string &) {
        std::vector<std::string> out;
        for (int i = 0; i < 100; ++i) {
            out.push_back(std::string(static_cast<size_t>(i % 7 == 0 ? 10 : 500), 'r'));
        }
        return out;
    });
    UdpHarness proxy({to(server.endpoint())});
    UdpPeer client;
    client.send("go", proxy.endpoint());
    for (int i = 0; i < 100; ++i) {
        const auto got = client.receive();
        BOOST_REQUIRE(got);
        BOOST_REQUIRE_EQUAL(got->size(), i % 7 == 0 ? 10U : 500U);
    }
}

BOOST_AUTO_TEST_CASE(many_clients_have_sessions_of_their_own) {
    UdpServer server(echo);
    UdpHarness proxy({to(server.endpoint())});
    std::vector<std::unique_ptr<UdpPeer>> clients;
    for (int i = 0; i < 200; ++i) {
        clients.push_back(std::make_unique<UdpPeer>());
        clients.back()->send("client " + std::to_string(i), proxy.endpoint());
    }
    for (int i = 0; i < 200; ++i) {
        const auto got = clients[static_cast<size_t>(i)]->receive();
        BOOST_REQUIRE(got);
        BOOST_CHECK_EQUAL(*got, "client " + std::to_string(i));
    }
    BOOST_CHECK_EQUAL(server.clients(), 200U);
    BOOST_CHECK_EQUAL(proxy.counters().sessions.get(), 200U);
}

BOOST_AUTO_TEST_CASE(the_table_is_bounded_and_the_unanswered_go_first) {
    UdpServer server([](const std::string &query) {
        return query == "mute" ? std::vector<std::string>{} : std::vector<std::string>{query};
    });
    UdpOptions options;
    options.max_sessions = 4;
    UdpHarness proxy({to(server.endpoint())}, options);
    UdpPeer friends[2];
    for (UdpPeer &each : friends) {
        each.send("hello", proxy.endpoint());
        BOOST_REQUIRE(each.receive());
    }
    UdpPeer flood[10];
    for (UdpPeer &each : flood) {
        each.send("mute", proxy.endpoint());
    }
    BOOST_CHECK(eventually([&] { return proxy.counters().evicted.get() == 8; }));
    BOOST_CHECK(eventually([&] { return proxy.counters().sessions.get() == 4; }));
    BOOST_CHECK(eventually([&] { return server.clients() == 12; }));
    for (UdpPeer &each : friends) { // theirs are still there
        each.send("still there?", proxy.endpoint());
        BOOST_CHECK(each.receive());
    }
    BOOST_CHECK_EQUAL(server.clients(), 12U);
    // Nothing but answered ones: the oldest has to go.
    UdpPeer more[3];
    for (UdpPeer &each : more) {
        each.send("hello", proxy.endpoint());
        BOOST_REQUIRE(each.receive());
    }
    BOOST_CHECK_EQUAL(proxy.counters().sessions.get(), 4U);
    BOOST_CHECK(proxy.log().find("too many UDP sessions") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(one_client_cannot_take_the_whole_table) {
    UdpServer server(echo);
    UdpOptions options;
    options.max_sessions_per_client = 3;
    UdpHarness proxy({to(server.endpoint())}, options);
    UdpPeer ports[5];
    for (UdpPeer &each : ports) {
        each.send("x", proxy.endpoint());
        BOOST_REQUIRE(each.receive());
    }
    BOOST_CHECK_EQUAL(proxy.counters().sessions.get(), 3U);
    BOOST_CHECK_EQUAL(proxy.counters().evicted.get(), 2U);
    if (!loopback_has_more_addresses()) {
        return;
    }
    UdpPeer other({ip::make_address("127.0.0.2"), 0});
    other.send("x", proxy.endpoint());
    BOOST_REQUIRE(other.receive());
    BOOST_CHECK_EQUAL(proxy.counters().sessions.get(), 4U);
}

BOOST_AUTO_TEST_CASE(idle_sessions_end) {
    UdpServer server(echo);
    UdpOptions options;
    options.idle_timeout = 300ms;
    UdpHarness proxy({to(server.endpoint())}, options);
    UdpPeer busy;
    UdpPeer idle;
    idle.send("x", proxy.endpoint());
    BOOST_REQUIRE(idle.receive());
    for (int i = 0; i < 8; ++i) {
        busy.send("x", proxy.endpoint());
        BOOST_REQUIRE(busy.receive());
        std::this_thread::sleep_for(60ms);
        proxy.on_thread([](UdpForward &forward) { forward.tick(); });
    }
    BOOST_CHECK_EQUAL(proxy.counters().sessions.get(), 1U);
    BOOST_REQUIRE_EQUAL(proxy.ended().size(), 1U);
    BOOST_CHECK_EQUAL(proxy.ended()[0], "idle a 1/1 1/1");
    idle.send("again", proxy.endpoint()); // a new session
    BOOST_CHECK(idle.receive());
}

BOOST_AUTO_TEST_CASE(a_session_can_end_with_its_answer) {
    UdpServer server(echo);
    UdpOptions options;
    options.responses = 1;
    UdpHarness proxy({to(server.endpoint())}, options);
    UdpPeer client;
    for (int i = 0; i < 3; ++i) {
        client.send("query", proxy.endpoint());
        BOOST_REQUIRE(client.receive());
    }
    BOOST_CHECK(eventually([&] { return proxy.counters().sessions.get() == 0; }));
    BOOST_CHECK_EQUAL(proxy.counters().sessions_total.get(), 3U);
    BOOST_CHECK_EQUAL(server.clients(), 3U);
}

BOOST_AUTO_TEST_CASE(a_refused_target_is_left_for_another,
                     *boost::unit_test::precondition(icmp_errors_are_told)) {
    UdpServer server(echo);
    UdpHarness proxy({to(unused_port()), to(server.endpoint())});
    UdpPeer client;
    // The first target is chosen first; its port is closed.
    lose_one(client, proxy);
    client.send("arrives", proxy.endpoint());
    const auto got = client.receive();
    BOOST_REQUIRE(got);
    BOOST_CHECK_EQUAL(*got, "arrives");
    BOOST_CHECK_EQUAL(proxy.counters().sessions_total.get(), 1U); // the session has moved
}

BOOST_AUTO_TEST_CASE(icmp_errors_mark_a_target_and_leave_other_sessions_alone,
                     *boost::unit_test::precondition(icmp_errors_are_told)) {
    UdpServer server(echo);
    UdpHarness proxy({to(unused_port()), to(server.endpoint())});
    proxy.on_thread([&](UdpForward &) {
        auto targets = proxy.balancer().targets();
        std::vector<TargetSpec> specs{targets[0]->spec(), targets[1]->spec()};
        specs[1].backup = true;
        proxy.balancer().set({Balance::round_robin, {2, 10s}}, specs);
    });
    UdpPeer clients[2];
    for (UdpPeer &each : clients) {
        lose_one(each, proxy);
    }
    BOOST_CHECK_EQUAL(proxy.counters().sessions.get(), 2U);
    UdpPeer third; // the target is marked by now
    third.send("hello", proxy.endpoint());
    BOOST_REQUIRE(third.receive());
    for (UdpPeer &each : clients) {
        each.send("hello", proxy.endpoint());
        BOOST_CHECK(each.receive());
    }
    BOOST_CHECK(eventually(
        [&] { return proxy.log().find("target down forward=dns target=a") != std::string::npos; }));
}

BOOST_AUTO_TEST_CASE(a_target_that_comes_back_is_found_again,
                     *boost::unit_test::precondition(icmp_errors_are_told)) {
    const Udp::endpoint port = unused_port();
    UdpHarness proxy({to(port)});
    UdpPeer client;
    for (int i = 0; i < 5; ++i) {
        lose_one(client, proxy);
    }
    UdpServer server(echo, port);
    BOOST_CHECK(eventually([&] { // the error of the last one may still cost a datagram
        client.send("hello", proxy.endpoint());
        return client.receive(200ms).has_value();
    }));
    BOOST_CHECK_EQUAL(proxy.counters().sessions_total.get(), 1U);
    BOOST_CHECK(eventually([&] { return proxy.log().find("target up") != std::string::npos; }));
}

BOOST_AUTO_TEST_CASE(without_targets_datagrams_are_dropped) {
    UdpHarness proxy({});
    UdpPeer client;
    for (int i = 0; i < 100; ++i) {
        client.send("x", proxy.endpoint());
    }
    BOOST_CHECK(eventually([&] { return proxy.counters().dropped.get() == 100; }));
    BOOST_CHECK_EQUAL(proxy.counters().sessions_total.get(), 0U);
    const std::string log = proxy.log(); // one line, not a hundred
    BOOST_CHECK(log.find("no target can be used") != std::string::npos);
    BOOST_CHECK_EQUAL(std::count(log.begin(), log.end(), '\n'), 1);
}

BOOST_AUTO_TEST_CASE(clients_that_are_not_admitted) {
    UdpServer server(echo);
    UdpHarness proxy({to(server.endpoint())});
    std::atomic<bool> open{false};
    proxy.set_admit([&](const Address &address) { return open && address.is_loopback(); });
    UdpPeer client;
    client.send("x", proxy.endpoint());
    BOOST_CHECK(eventually([&] { return proxy.counters().denied.get() == 1; }));
    open = true;
    client.send("y", proxy.endpoint());
    const auto got = client.receive();
    BOOST_REQUIRE(got);
    BOOST_CHECK_EQUAL(*got, "y");
    BOOST_CHECK_EQUAL(server.received(), 1);
}

BOOST_AUTO_TEST_CASE(answers_come_from_the_address_that_was_asked) {
    UdpServer server(echo);
    UdpHarness proxy({to(server.endpoint())}, {}, "udp://:0"); // every address, both families
    const uint16_t port = proxy.endpoint().port();
    UdpPeer client({ip::address_v4::any(), 0});
    for (const char *address : {"127.0.0.1", "127.0.0.9", "127.1.2.3"}) {
        const Udp::endpoint at(ip::make_address(address), port);
        client.send(address, at);
        const auto got = client.receive();
        BOOST_REQUIRE_MESSAGE(got, address);
        BOOST_CHECK_EQUAL(*got, address);
        if (source_addresses_can_be_set()) {
            BOOST_CHECK_EQUAL(client.from, at);
        }
    }
    if (proxy.endpoint().address().is_v6()) {
        UdpPeer six({ip::address_v6::any(), 0});
        const Udp::endpoint at(ip::address_v6::loopback(), port);
        six.send("six", at);
        BOOST_REQUIRE(six.receive());
        BOOST_CHECK_EQUAL(six.from, at);
    }
}

BOOST_AUTO_TEST_CASE(a_reload_keeps_sessions_and_moves_listeners) {
    UdpServer server(echo);
    UdpHarness proxy({to(server.endpoint())});
    UdpPeer client;
    client.send("before", proxy.endpoint());
    BOOST_REQUIRE(client.receive());
    proxy.on_thread([](UdpForward &forward) {
        const auto url = EndpointUrl::parse_listen("udp://127.0.0.1:0?");
        BOOST_CHECK(!url);
        std::vector<UdpListen> added;
        added.push_back(*open_udp_listen(*EndpointUrl::parse_listen("udp://127.0.0.2:0")));
        BOOST_REQUIRE(forward.listen({}, std::move(added)));
    });
    Udp::endpoint moved;
    proxy.on_thread([&](UdpForward &forward) {
        BOOST_REQUIRE_EQUAL(forward.endpoints().size(), 1U);
        moved = forward.endpoints()[0];
    });
    client.send("on the old address", proxy.endpoint());
    BOOST_CHECK(client.receive());
    UdpPeer stranger;
    stranger.send("too late", proxy.endpoint());
    BOOST_CHECK(eventually([&] { return proxy.counters().dropped.get() == 1; }));
    stranger.send("on the new address", moved);
    BOOST_CHECK(stranger.receive());
}

BOOST_AUTO_TEST_CASE(draining_ends_what_is_quiet) {
    UdpServer server(echo);
    UdpHarness proxy({to(server.endpoint())});
    UdpPeer client;
    client.send("x", proxy.endpoint());
    BOOST_REQUIRE(client.receive());
    proxy.on_thread([](UdpForward &forward) { forward.drain(); });
    client.send("still", proxy.endpoint());
    BOOST_CHECK(client.receive());
    UdpPeer stranger;
    stranger.send("x", proxy.endpoint());
    BOOST_CHECK(eventually([&] { return proxy.counters().dropped.get() == 1; }));
    BOOST_CHECK(eventually([&] {
        size_t left = 1;
        proxy.on_thread([&](UdpForward &forward) {
            forward.tick();
            left = forward.sessions();
        });
        return left == 0;
    }));
}

BOOST_AUTO_TEST_CASE(a_flood_leaves_the_rest_working) {
    UdpServer server(echo);
    UdpHarness proxy({to(server.endpoint())});
    std::atomic<bool> stop{false};
    std::thread flood([&] {
        UdpPeer source;
        const std::string datagram(1000, 'f');
        while (!stop) {
            source.send(datagram, proxy.endpoint());
        }
    });
    BOOST_CHECK(eventually([&] { return proxy.counters().sessions.get() == 1; }));
    UdpPeer client;
    int answered = 0;
    for (int i = 0; i < 600 && answered < 10; ++i) { // some may be lost, as UDP is
        client.send("x", proxy.endpoint());
        answered += client.receive(100ms).has_value();
    }
    stop = true;
    flood.join();
    BOOST_CHECK_EQUAL(answered, 10);
    BOOST_CHECK_EQUAL(proxy.counters().sessions.get(), 2U);
}

BOOST_AUTO_TEST_SUITE_END()
