// SPDX-License-Identifier: MIT
#include "unit.hpp"

#include <map>

#include <boost/asio/write.hpp>

#include "harness.hpp"

using namespace test;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(targets)

BOOST_AUTO_TEST_CASE(take_turns_by_weight) {
    Origin a(named("a"));
    Origin b(named("b"));
    Config config = forward_to({a.url(), b.url()});
    config.forwards[0].targets[0].weight = 3;
    Harness proxy(config);
    std::map<std::string, int> seen;
    for (int i = 0; i < 40; ++i) {
        ++seen[proxy.whole_answer()];
    }
    BOOST_CHECK_EQUAL(seen["a"], 30);
    BOOST_CHECK_EQUAL(seen["b"], 10);
}

// Names are looked up where a connection has to wait: the target must still be picked only once.
BOOST_AUTO_TEST_CASE(take_turns_when_given_by_name) {
    Origin a(named("a"));
    Origin b(named("b"));
    const std::string by_name[] = {"tcp://ta.local:" + std::to_string(a.port()),
                                   "tcp://tb.local:" + std::to_string(b.port())};
    Config config = forward_to({by_name[0], by_name[1]});
    config.hosts["ta.local"] = {"127.0.0.1"};
    config.hosts["tb.local"] = {"127.0.0.1"};
    const auto answers = [](const Config &with) {
        Harness proxy(with);
        std::map<std::string, int> seen;
        for (int i = 0; i < 60; ++i) {
            ++seen[proxy.whole_answer()];
        }
        proxy.on_thread([](k2s::l4proxy::Proxy &running) {
            uint64_t chosen = 0;
            for (const auto &target : running.forwards()[0]->balancer->targets()) {
                chosen += target->chosen_counter().get();
            }
            BOOST_CHECK_EQUAL(chosen, 60U);
        });
        return seen;
    };
    for (const char *balance : {"round_robin", "least_connections"}) {
        config.forwards[0].balance = balance;
        auto seen = answers(config);
        // The one before may not have ended yet, for which least_connections asks.
        BOOST_CHECK_GE(seen["a"], 20);
        BOOST_CHECK_GE(seen["b"], 20);
    }
    config.forwards[0].balance = "round_robin";
    config.forwards[0].targets[0].weight = 3;
    auto seen = answers(config);
    BOOST_CHECK_EQUAL(seen["a"], 45);
    BOOST_CHECK_EQUAL(seen["b"], 15);
}

BOOST_AUTO_TEST_CASE(a_refusing_target_is_passed_over_and_left_alone) {
    Origin alive(named("alive"));
    const uint16_t dead = free_port();
    Config config = forward_to({tcp_url(dead), alive.url()});
    config.forwards[0].passive_failures = 2;
    config.forwards[0].passive_down_for = 600s;
    Harness proxy(config);
    for (int i = 0; i < 20; ++i) {
        BOOST_CHECK_EQUAL(proxy.whole_answer(), "alive");
    }
    BOOST_CHECK_EQUAL(proxy.counters().errors_connect.get(), 2U);
    BOOST_CHECK_EQUAL(proxy.counters().errors_no_target.get(), 0U);
    BOOST_CHECK(proxy.recorder().saw(tcp_url(dead)));
}

BOOST_AUTO_TEST_CASE(a_target_that_comes_back_is_used_again) {
    const uint16_t port = free_port();
    Config config = forward_to({tcp_url(port)});
    config.forwards[0].passive_failures = 1;
    config.forwards[0].passive_down_for = 50ms;
    Harness proxy(config);
    BOOST_CHECK_EQUAL(proxy.whole_answer(), "");
    boost::asio::io_context io;
    Tcp::acceptor acceptor(io, Tcp::endpoint(boost::asio::ip::address_v4::loopback(), port));
    std::thread server([&] {
        for (int i = 0; i < 2; ++i) {
            boost::system::error_code ignored;
            Tcp::socket client(io);
            acceptor.accept(client, ignored);
            boost::asio::write(client, boost::asio::buffer("back", 4), ignored);
        }
    });
    BOOST_CHECK(eventually([&] { return proxy.whole_answer() == "back"; }));
    BOOST_CHECK_EQUAL(proxy.whole_answer(), "back");
    server.join();
}

BOOST_AUTO_TEST_CASE(a_backup_serves_when_nobody_else_can) {
    Origin backup(named("backup"));
    Config config = forward_to({tcp_url(free_port()), backup.url()});
    config.forwards[0].targets[1].backup = true;
    Harness proxy(config);
    BOOST_CHECK_EQUAL(proxy.whole_answer(), "backup");
    BOOST_CHECK_GE(proxy.counters().errors_connect.get(), 1U);
}

BOOST_AUTO_TEST_CASE(no_target_at_all_ends_the_connection) {
    Harness proxy(forward_to({tcp_url(free_port())}));
    BOOST_CHECK_EQUAL(proxy.whole_answer(), "");
    BOOST_CHECK(eventually([&] { return proxy.counters().errors_no_target.get() == 1; }));
    BOOST_CHECK(proxy.recorder().saw("no target can be reached"));
}

BOOST_AUTO_TEST_CASE(a_way_round_to_itself_is_not_taken) {
    Origin unused(named("x"));
    Config config = forward_to({unused.url()});
    Harness proxy(config);
    // The port is only known now; a name hides the loop from the settings' check.
    Config looping = config;
    looping.hosts["self.test"] = {"127.0.0.1"};
    looping.forwards[0].targets = {{.to = "tcp://self.test:" + std::to_string(proxy.port())}};
    BOOST_REQUIRE(proxy.reload(looping));
    BOOST_CHECK_EQUAL(proxy.whole_answer(), "");
    BOOST_CHECK_EQUAL(proxy.counters().errors_loop.get(), 1U);
}

BOOST_AUTO_TEST_SUITE_END()
