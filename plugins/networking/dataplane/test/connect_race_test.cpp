// SPDX-License-Identifier: MIT
#include "unit.hpp"

#include <deque>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "dataplane/connect_race.hpp"

using namespace k2s::dataplane;

namespace {

struct Outcome {
    RaceResult result;
    Clock::duration took{};
};

/// Runs a race to its end, the watchdog ticking beside it.
Outcome race(net::io_context &io, const std::vector<Endpoint> &endpoints,
             Milliseconds patience = std::chrono::seconds(10)) {
    CoarseClock clock;
    clock.tick = Milliseconds(10);
    Watchdog watchdog(clock);
    watchdog.arm(patience);
    Outcome outcome;
    bool over = false;
    const auto begin = Clock::now();
    auto run = [&]() -> Task<void> {
        outcome.result = co_await connect_race(io, endpoints, watchdog);
        over = true;
    };
    net::co_spawn(io.get_executor(), run(), net::detached);
    while (!over) {
        io.run_for(Milliseconds(10));
        io.restart();
        watchdog.check(Clock::now());
    }
    outcome.took = Clock::now() - begin;
    io.run_for(Milliseconds(20)); // what is left of the losers
    io.restart();
    return outcome;
}

Tcp::acceptor listener(net::io_context &io, const char *address) {
    return Tcp::acceptor(io, Endpoint(net::ip::make_address(address), 0));
}

/// Whose queue is full: connecting to it neither succeeds nor fails.
struct Blackhole {
    explicit Blackhole(net::io_context &io) : acceptor(io), fillers() {
        acceptor.open(Tcp::v4());
        acceptor.bind(Endpoint(net::ip::address_v4::loopback(), 0));
        acceptor.listen(0);
        for (int i = 0; i < 4; ++i) {
            fillers.emplace_back(io).async_connect(acceptor.local_endpoint(),
                                                   [](const error_code &) {});
        }
        // The handshakes of those that fit are over in a moment.
        Timer timer(io);
        timer.expires_after(Milliseconds(50));
        timer.wait();
    }
    Tcp::acceptor acceptor;
    std::deque<Tcp::socket> fillers;
};

Endpoint refusing(net::io_context &io) {
    return listener(io, "127.0.0.1").local_endpoint(); // closed again
}

} // namespace

BOOST_AUTO_TEST_SUITE(races)

BOOST_AUTO_TEST_CASE(the_first_that_answers_wins) {
    net::io_context io;
    auto server = listener(io, "127.0.0.1");
    const Endpoint good = server.local_endpoint();
    const Endpoint bad = refusing(io);
    for (const std::vector<Endpoint> &list :
         {std::vector{good}, std::vector{good, bad}, std::vector{bad, good},
          std::vector{bad, bad, bad, good}}) {
        const Outcome outcome = race(io, list);
        BOOST_REQUIRE(outcome.result.stream != nullptr);
        BOOST_CHECK(outcome.result.to == good);
        // A refusal is no reason to wait.
        BOOST_CHECK_LT(outcome.took.count(), Clock::duration(k_attempt_delay).count());
    }
}

BOOST_AUTO_TEST_CASE(no_address_family_no_answer) {
    net::io_context io;
    const Endpoint bad = refusing(io);
    for (const std::vector<Endpoint> &list : {std::vector{bad}, std::vector{bad, bad}}) {
        const Outcome outcome = race(io, list);
        BOOST_CHECK(!outcome.result.stream);
        BOOST_CHECK(outcome.result.ec == net::error::connection_refused);
    }
}

#ifdef __linux__ // elsewhere a full queue refuses

BOOST_AUTO_TEST_CASE(a_silent_address_delays_by_one_step_only) {
    net::io_context io;
    const Blackhole hole(io);
    auto server = listener(io, "127.0.0.1");
    const Endpoint silent = hole.acceptor.local_endpoint();
    const Outcome outcome = race(io, {silent, silent, server.local_endpoint()});
    BOOST_REQUIRE(outcome.result.stream != nullptr);
    BOOST_CHECK(outcome.result.to == server.local_endpoint());
    BOOST_CHECK_GE(outcome.took.count(), Clock::duration(2 * k_attempt_delay).count());
    BOOST_CHECK_LT(outcome.took.count(), Clock::duration(4 * k_attempt_delay).count());
}

BOOST_AUTO_TEST_CASE(the_watchdog_ends_it) {
    net::io_context io;
    const Blackhole hole(io);
    const Endpoint silent = hole.acceptor.local_endpoint();
    for (const std::vector<Endpoint> &list : {std::vector{silent}, std::vector{silent, silent}}) {
        const Outcome outcome = race(io, list, Milliseconds(300));
        BOOST_CHECK(!outcome.result.stream);
        BOOST_CHECK(outcome.result.ec == net::error::operation_aborted);
    }
}

#endif

BOOST_AUTO_TEST_SUITE_END()
