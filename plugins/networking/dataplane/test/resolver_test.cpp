// SPDX-License-Identifier: MIT
#include "unit.hpp"

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>

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

/// A name server that never answers for names that begin with "dead", until it is told to. Threads
/// may be left in it: it is shared.
struct Dead {
    std::mutex mutex;
    std::condition_variable changed;
    std::map<std::string, int> asked;
    bool released = false;

    static Resolver::Source source(const std::shared_ptr<Dead> &self) {
        return [self](const std::string &host) {
            std::unique_lock lock(self->mutex);
            ++self->asked[host];
            self->changed.notify_all();
            if (host.starts_with("dead")) {
                self->changed.wait(lock, [&] { return self->released; });
                return Resolution{net::error::host_not_found_try_again, {}};
            }
            return Resolution{{}, {address("192.0.2.1")}};
        };
    }
    void release() {
        const std::lock_guard lock(mutex);
        released = true;
        changed.notify_all();
    }
    int times(const std::string &host) {
        const std::lock_guard lock(mutex);
        return asked[host];
    }
    void wait_for(size_t names) {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return asked.size() >= names; });
    }
};

/// One client that waits for a name.
struct Client {
    Client(net::io_context &io, Resolver &resolver, std::string name) : host(std::move(name)) {
        net::co_spawn(io.get_executor(), run(resolver), net::detached);
    }
    Client(const Client &) = delete;
    Client &operator=(const Client &) = delete;

    Task<void> run(Resolver &resolver) {
        answer = co_await resolver.resolve(host, watchdog);
        done = true;
    }

    CoarseClock clock;
    Watchdog watchdog{clock};
    std::string host;
    Resolution answer;
    bool done = false;
};

/// Lets what waits for nothing go on.
void settle(net::io_context &io) {
    io.restart();
    io.poll();
}

/// False: not within five seconds.
bool serve_until_done(net::io_context &io, const Client &client) {
    auto work = net::make_work_guard(io);
    const auto end = Clock::now() + std::chrono::seconds(5);
    io.restart();
    while (!client.done && Clock::now() < end) {
        io.run_one_for(Milliseconds(50));
    }
    return client.done;
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

BOOST_AUTO_TEST_CASE(a_dead_name_holds_up_nobody_else) {
    net::io_context io;
    const auto names = std::make_shared<Dead>();
    Resolver resolver(io, Dead::source(names), {});
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 60; ++i) {
        clients.push_back(
            std::make_unique<Client>(io, resolver, i % 2 ? "dead.test" : "Dead.Test"));
    }
    for (int i = 0; i < 4; ++i) { // more than one, too
        const std::string name = "dead" + std::to_string(i) + ".test";
        clients.push_back(std::make_unique<Client>(io, resolver, name));
    }
    const Client live(io, resolver, "live.test");
    BOOST_CHECK(serve_until_done(io, live));
    BOOST_CHECK(!live.answer.addresses.empty());
    BOOST_CHECK_EQUAL(names->times("dead.test"), 1);

    // One stops to wait, the others get the answer.
    clients[7]->watchdog.cut_now();
    BOOST_CHECK(serve_until_done(io, *clients[7]));
    BOOST_CHECK(clients[7]->answer.ec == net::error::operation_aborted);
    BOOST_CHECK(!clients[8]->done);
    names->release();
    for (const auto &client : clients) {
        BOOST_CHECK(serve_until_done(io, *client));
    }
    BOOST_CHECK(clients[8]->answer.ec == net::error::host_not_found_try_again);
    BOOST_CHECK_EQUAL(names->times("dead.test"), 1);
}

BOOST_AUTO_TEST_CASE(what_nobody_waits_for_does_not_begin) {
    net::io_context io;
    const auto names = std::make_shared<Dead>();
    Resolver resolver(io, Dead::source(names), {});
    std::vector<std::unique_ptr<Client>> clients;
    for (size_t i = 0; i < Resolver::k_max_threads; ++i) {
        const std::string name = "dead" + std::to_string(i) + ".test";
        clients.push_back(std::make_unique<Client>(io, resolver, name));
    }
    settle(io);
    names->wait_for(Resolver::k_max_threads); // no thread is left
    Client gone(io, resolver, "gone.test");
    Client also(io, resolver, "also.test");
    Client stays(io, resolver, "also.test");
    settle(io);
    gone.watchdog.cut_now();
    also.watchdog.cut_now();
    BOOST_CHECK(serve_until_done(io, gone));
    BOOST_CHECK(serve_until_done(io, also));
    // One that has begun is joined, whether its first client is still there or not.
    clients[0]->watchdog.cut_now();
    BOOST_CHECK(serve_until_done(io, *clients[0]));
    const Client joins(io, resolver, "dead0.test");
    settle(io);
    names->release();
    BOOST_CHECK(serve_until_done(io, stays));
    BOOST_CHECK(!stays.answer.addresses.empty());
    BOOST_CHECK(serve_until_done(io, joins));
    BOOST_CHECK_EQUAL(names->times("dead0.test"), 1);
    BOOST_CHECK_EQUAL(names->times("also.test"), 1);
    BOOST_CHECK_EQUAL(names->times("gone.test"), 0);
    const Client again(io, resolver, "gone.test"); // it is not forbidden for good
    BOOST_CHECK(serve_until_done(io, again));
    BOOST_CHECK_EQUAL(names->times("gone.test"), 1);
}

BOOST_AUTO_TEST_CASE(the_end_waits_for_no_dead_name) {
    const auto names = std::make_shared<Dead>();
    std::vector<std::unique_ptr<Client>> clients;
    net::io_context io;
    auto resolver = std::make_unique<Resolver>(io, Dead::source(names), Resolver::Keep{});
    for (int i = 0; i < 100; ++i) {
        const std::string name = "dead" + std::to_string(i) + ".test";
        clients.push_back(std::make_unique<Client>(io, *resolver, name));
    }
    settle(io);
    names->wait_for(Resolver::k_max_threads);
    const auto before = Clock::now();
    resolver.reset();
    BOOST_CHECK(Clock::now() - before < std::chrono::seconds(2));
    {
        const std::lock_guard lock(names->mutex);
        BOOST_CHECK_EQUAL(names->asked.size(), Resolver::k_max_threads); // nor do others begin
    }
    names->release(); // whoever was left behind finds nobody to tell
    for (const auto &client : clients) {
        client->watchdog.cut_now();
        BOOST_CHECK(serve_until_done(io, *client));
    }
}

BOOST_AUTO_TEST_SUITE_END()
