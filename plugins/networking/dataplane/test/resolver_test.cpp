// SPDX-License-Identifier: MIT
#include "unit.hpp"

#include <atomic>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "dataplane/resolver.hpp"

using k2s::Address;
using k2s::parse_address;
using namespace k2s::dataplane;

namespace {

Address address(const char *text) {
    return *parse_address(text);
}

/// A name server whose answers the test changes.
struct Names {
    std::mutex mutex;
    std::vector<Address> answer;
    error_code ec;
    int asked = 0;

    Resolver::Source source() {
        return [this](const std::string &) {
            const std::lock_guard lock(mutex);
            ++asked;
            return Resolution{ec, answer};
        };
    }
};

Resolution ask(net::io_context &io, Resolver &resolver, const std::string &host) {
    CoarseClock clock;
    Watchdog watchdog(clock);
    Resolution out;
    auto run = [&]() -> Task<void> { out = co_await resolver.resolve(host, watchdog); };
    net::co_spawn(io.get_executor(), run(), net::detached);
    io.restart();
    auto work = net::make_work_guard(io);
    while (out.addresses.empty() && !out.ec) {
        io.run_one();
    }
    return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(names)

BOOST_AUTO_TEST_CASE(families_alternate_and_repetitions_go) {
    net::io_context io;
    Names names;
    names.answer = {address("192.0.2.1"), address("192.0.2.2"), address("192.0.2.1"),
                    address("2001:db8::1")};
    Resolver resolver(io, names.source(), {});
    const std::vector<Address> expected{address("2001:db8::1"), address("192.0.2.1"),
                                        address("192.0.2.2")};
    BOOST_CHECK(ask(io, resolver, "a.test").addresses == expected);
}

// The system's resolver tells no TTL: what it says now must be seen when the keep time is over.
BOOST_AUTO_TEST_CASE(a_changed_answer_is_seen_after_the_keep_time) {
    net::io_context io;
    Names names;
    names.answer = {address("192.0.2.1")};
    Resolver resolver(io, names.source(), {Milliseconds(200), Milliseconds(50)});
    BOOST_CHECK(ask(io, resolver, "a.test").addresses.front() == address("192.0.2.1"));
    {
        const std::lock_guard lock(names.mutex);
        names.answer = {address("192.0.2.9")};
    }
    BOOST_CHECK(ask(io, resolver, "A.Test").addresses.front() == address("192.0.2.1"));
    BOOST_CHECK_EQUAL(names.asked, 1);
    Timer timer(io);
    timer.expires_after(Milliseconds(250));
    timer.wait();
    BOOST_CHECK(ask(io, resolver, "a.test").addresses.front() == address("192.0.2.9"));

    resolver.forget("A.test"); // no address answered
    {
        const std::lock_guard lock(names.mutex);
        names.answer = {address("192.0.2.10")};
    }
    BOOST_CHECK(ask(io, resolver, "a.test").addresses.front() == address("192.0.2.10"));
}

BOOST_AUTO_TEST_CASE(failures_are_kept_for_a_short_time) {
    net::io_context io;
    Names names;
    names.ec = net::error::host_not_found;
    Resolver resolver(io, names.source(), {std::chrono::seconds(30), Milliseconds(50)});
    BOOST_CHECK(ask(io, resolver, "a.test").ec == net::error::host_not_found);
    BOOST_CHECK(ask(io, resolver, "a.test").ec == net::error::host_not_found);
    BOOST_CHECK_EQUAL(names.asked, 1);
    Timer timer(io);
    timer.expires_after(Milliseconds(80));
    timer.wait();
    BOOST_CHECK(ask(io, resolver, "a.test").ec == net::error::host_not_found);
    BOOST_CHECK_EQUAL(names.asked, 2);
}

BOOST_AUTO_TEST_SUITE_END()
