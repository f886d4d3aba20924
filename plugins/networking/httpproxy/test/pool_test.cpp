// SPDX-License-Identifier: MIT
#include "unit.hpp"

#include "pool.hpp"

using namespace k2s::httpproxy;

namespace {

class Idle final : public Stream {
  public:
    Idle(net::io_context &io, bool quiet) : Stream(Socket(io)), quiet_(quiet) {}
    Task<IoResult> read_some(net::mutable_buffer) override { co_return IoResult{}; }
    Task<IoResult> write(std::string_view, std::string_view) override { co_return IoResult{}; }
    Task<error_code> shutdown_send() override { co_return error_code(); }
    bool quiet() noexcept override { return quiet_; }

  private:
    const bool quiet_;
};

std::unique_ptr<Connection> connection(net::io_context &io, bool quiet = true) {
    auto made = std::make_unique<Connection>();
    made->stream = std::make_unique<Idle>(io, quiet);
    return made;
}

} // namespace

BOOST_AUTO_TEST_SUITE(pool)

BOOST_AUTO_TEST_CASE(last_in_first_out_per_target) {
    net::io_context io;
    Counter idle;
    Pool pool(10, 10, idle);
    auto first = connection(io);
    auto second = connection(io);
    const Connection *newest = second.get();
    const auto now = Clock::now();
    pool.put("a", std::move(first), now);
    pool.put("a", std::move(second), now);
    BOOST_CHECK_EQUAL(idle.get(), 2U);
    BOOST_CHECK(pool.take("b") == nullptr);
    const auto taken = pool.take("a");
    BOOST_CHECK_EQUAL(taken.get(), newest);
    BOOST_CHECK(taken->reused);
    BOOST_CHECK_EQUAL(idle.get(), 1U);
}

BOOST_AUTO_TEST_CASE(bounds) {
    net::io_context io;
    Counter idle;
    Pool pool(3, 2, idle);
    const auto now = Clock::now();
    for (int i = 0; i < 3; ++i) {
        pool.put("a", connection(io), now);
    }
    BOOST_CHECK_EQUAL(pool.size(), 2U);
    for (int i = 0; i < 3; ++i) {
        pool.put("b", connection(io), now);
    }
    BOOST_CHECK_EQUAL(pool.size(), 3U);
    pool.clear();
    BOOST_CHECK_EQUAL(pool.size(), 0U);
    BOOST_CHECK_EQUAL(idle.get(), 0U);
}

BOOST_AUTO_TEST_CASE(connections_with_unasked_bytes_are_not_kept) {
    net::io_context io;
    Counter idle;
    Pool pool(3, 3, idle);
    auto dirty = connection(io);
    dirty->in.prepare(16);
    dirty->in.commit(1);
    pool.put("a", std::move(dirty), Clock::now());
    BOOST_CHECK_EQUAL(pool.size(), 0U);
}

BOOST_AUTO_TEST_CASE(connections_that_said_something_are_not_taken) {
    net::io_context io;
    Counter idle;
    Pool pool(3, 3, idle);
    auto good = connection(io);
    const Connection *first = good.get();
    pool.put("a", std::move(good), Clock::now());
    pool.put("a", connection(io, false), Clock::now());
    BOOST_CHECK_EQUAL(pool.take("a").get(), first);
    pool.put("a", connection(io, false), Clock::now());
    BOOST_CHECK(pool.take("a") == nullptr);
    BOOST_CHECK_EQUAL(pool.size(), 0U);
    BOOST_CHECK_EQUAL(idle.get(), 0U);
}

BOOST_AUTO_TEST_CASE(sweep_closes_what_is_old) {
    net::io_context io;
    Counter idle;
    Pool pool(10, 10, idle);
    const auto now = Clock::now();
    pool.put("a", connection(io), now - std::chrono::seconds(60));
    pool.put("a", connection(io), now);
    pool.put("b", connection(io), now - std::chrono::seconds(60));
    pool.sweep(now - std::chrono::seconds(50));
    BOOST_CHECK_EQUAL(pool.size(), 1U);
    BOOST_CHECK_EQUAL(idle.get(), 1U);
    BOOST_CHECK(pool.take("b") == nullptr);
    BOOST_CHECK(pool.take("a") != nullptr);
}

BOOST_AUTO_TEST_SUITE_END()
