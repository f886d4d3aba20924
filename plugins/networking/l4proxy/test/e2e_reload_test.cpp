// SPDX-License-Identifier: MIT
#include "unit.hpp"

#include <future>

#include "harness.hpp"

using namespace test;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(operation)

BOOST_AUTO_TEST_CASE(established_connections_survive_a_reload) {
    Origin before(echo);
    Origin after(named("after"));
    Config config = forward_to({before.url()});
    Harness proxy(config);
    const uint16_t port = proxy.port();
    Peer client = proxy.client();
    client.write("1");
    BOOST_CHECK_EQUAL(client.read(1), "1");
    config.forwards[0].targets = {{.to = after.url()}};
    BOOST_REQUIRE(proxy.reload(config));
    BOOST_CHECK_EQUAL(proxy.port(), port);
    BOOST_CHECK_EQUAL(proxy.whole_answer(), "after");
    client.write("2");
    BOOST_CHECK_EQUAL(client.read(1), "2");

    Config none; // the forward goes, its connection stays
    BOOST_REQUIRE(proxy.reload(none));
    client.write("3");
    BOOST_CHECK_EQUAL(client.read(1), "3");
    BOOST_CHECK_THROW(Peer::connect(port), std::exception);
}

BOOST_AUTO_TEST_CASE(an_invalid_reload_changes_nothing) {
    Origin origin(named("old"));
    Origin other(named("other"));
    Config config = forward_to({origin.url()});
    Harness proxy(config);
    Config wrong = forward_to({other.url()});
    wrong.forwards[0].balance = "by taste";
    const auto refused = proxy.reload(wrong);
    BOOST_REQUIRE(!refused);
    BOOST_CHECK_EQUAL(refused.error().code, K2S_E_CONFIG);
    BOOST_CHECK(contains(refused.error().message, "by taste"));
    BOOST_CHECK_EQUAL(proxy.whole_answer(), "old");

    Config taken = forward_to({other.url()}); // a second address that cannot be opened
    taken.forwards[0].listen.push_back(tcp_url(origin.port()));
    const auto busy = proxy.reload(taken);
    BOOST_REQUIRE(!busy);
    BOOST_CHECK_EQUAL(busy.error().code, K2S_E_BUSY);
    BOOST_CHECK_EQUAL(proxy.whole_answer(), "old");
}

BOOST_AUTO_TEST_CASE(an_address_may_move_between_forwards) {
    Origin a(named("a"));
    Origin b(named("b"));
    const uint16_t port = free_port();
    Config config = forward_to({a.url()});
    config.forwards[0].listen = {tcp_url(port)};
    Harness proxy(config);
    BOOST_CHECK_EQUAL(proxy.whole_answer(), "a");
    config.forwards[0].listen = {"tcp://127.0.0.1:0"};
    config.forwards.push_back(forward_to({b.url()}).forwards[0]);
    config.forwards[1].name = "second";
    config.forwards[1].listen = {tcp_url(port)};
    BOOST_REQUIRE(proxy.reload(config));
    Peer client = Peer::connect(port);
    BOOST_CHECK_EQUAL(client.read_all(), "b");
    BOOST_CHECK_EQUAL(proxy.counters("second").connections.get(), 1U);
}

BOOST_AUTO_TEST_CASE(a_drain_waits_and_then_cuts) {
    Origin origin(echo);
    Harness proxy(forward_to({origin.url()}));
    const uint16_t port = proxy.port();
    Peer stays = proxy.client();
    Peer leaves = proxy.client();
    for (Peer *peer : {&stays, &leaves}) {
        peer->write("x");
        BOOST_CHECK_EQUAL(peer->read(1), "x");
    }
    std::promise<size_t> cut;
    auto drained = cut.get_future();
    proxy.on_thread([&](k2s::l4proxy::Proxy &p) {
        p.drain(400ms, [&](size_t count) { cut.set_value(count); });
    });
    BOOST_CHECK_THROW(Peer::connect(port), std::exception);
    stays.write("y");
    BOOST_CHECK_EQUAL(stays.read(1), "y"); // goes on meanwhile
    leaves.close();
    BOOST_REQUIRE(drained.wait_for(5s) == std::future_status::ready);
    BOOST_CHECK_EQUAL(drained.get(), 1U);
    BOOST_CHECK(stays.at_end());
}

BOOST_AUTO_TEST_CASE(mistakes_are_told_before_anything_is_opened) {
    struct {
        void (*change)(ForwardConfig &forward);
        const char *said;
    } const cases[] = {
        {[](ForwardConfig &f) { f.name = "a b"; }, "no name"},
        {[](ForwardConfig &f) { f.listen.clear(); }, "listen"},
        {[](ForwardConfig &f) { f.listen = {"127.0.0.1:80"}; }, "tcp://"},
        {[](ForwardConfig &f) { f.targets.clear(); }, "targets"},
        {[](ForwardConfig &f) { f.targets = {{.to = "udp://127.0.0.1:53"}}; }, "UDP"},
        {[](ForwardConfig &f) { f.targets.push_back(f.targets[0]); }, "twice"},
        {[](ForwardConfig &f) { f.targets[0].weight = 0; }, "weight"},
        {[](ForwardConfig &f) { f.targets[0].to = "tcp://127.0.0.1:0"; }, "port 0"},
        {[](ForwardConfig &f) { f.listen.push_back("udp://127.0.0.1:0"); }, "two forwards"},
        {[](ForwardConfig &f) { f.allowed_cidrs = {"10.0.0.0"}; }, "allowed_cidrs"},
        {[](ForwardConfig &f) { f.proxy_protocol_accept = "required"; }, "trusted"},
        {[](ForwardConfig &f) { f.proxy_protocol_accept = "maybe"; }, "maybe"},
        {[](ForwardConfig &f) { f.proxy_protocol_send = "v3"; }, "v3"},
        {[](ForwardConfig &f) { f.max_connections = 0; }, "max_connections"},
        {[](ForwardConfig &f) { f.connect_timeout = 0ms; }, "connect_timeout"},
        {[](ForwardConfig &f) {
             f.listen = {"tcp://127.0.0.1:7"};
             f.targets[0].to = "tcp://127.0.0.1:7";
         },
         "itself"},
        {[](ForwardConfig &f) {
             f.listen = {"tcp://:7"};
             f.targets[0].to = "tcp://127.0.0.3:7";
         },
         "itself"},
    };
    boost::asio::io_context io;
    for (const auto &c : cases) {
        Config config = forward_to({"tcp://127.0.0.1:9"});
        c.change(config.forwards[0]);
        const auto proxy = k2s::l4proxy::Proxy::create(io, config, std::make_shared<Recorder>());
        BOOST_REQUIRE_MESSAGE(!proxy, c.said);
        BOOST_CHECK_MESSAGE(contains(proxy.error().message, c.said), proxy.error().message);
    }
    Config twins = forward_to({"tcp://127.0.0.1:9"});
    twins.forwards.push_back(twins.forwards[0]);
    BOOST_CHECK(!k2s::l4proxy::Proxy::create(io, twins, std::make_shared<Recorder>()));
    twins.forwards[1].name = "second"; // two free ports of the same spelling cannot be told apart
    BOOST_CHECK(!k2s::l4proxy::Proxy::create(io, twins, std::make_shared<Recorder>()));
    twins.forwards[1].listen = {"tcp://[::1]:0"};
    BOOST_CHECK(k2s::l4proxy::Proxy::create(io, twins, std::make_shared<Recorder>()));
    twins.workers = 2;
    BOOST_CHECK(!k2s::l4proxy::Proxy::create(io, twins, std::make_shared<Recorder>()));
}

BOOST_AUTO_TEST_SUITE_END()
