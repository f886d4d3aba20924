// SPDX-License-Identifier: MIT
#include "connect_race.hpp"

#include <deque>
#include <memory>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "connect.hpp"

namespace k2s::dataplane {
namespace {

// Connected at once, as mostly on this host, the socket is `native`.
struct Attempt {
    Socket socket;
    Endpoint to;
    NativeSocket native;

    std::unique_ptr<PlainStream> stream(net::io_context &io) {
        return native.valid() ? std::make_unique<PlainStream>(io, std::move(native),
                                                              to.protocol().family(), false)
                              : std::make_unique<PlainStream>(std::move(socket));
    }
};

/// Shared with the attempts, which may end after the race.
struct Race {
    explicit Race(net::io_context &io) : wake(io) {}
    Timer wake; // cancelled when an attempt has ended
    std::deque<Attempt> attempts;
    Attempt *winner = nullptr;
    size_t running = 0;
    bool over = false;
    error_code last = net::error::host_unreachable;
};

// Connected, non-blocking and without delay for small writes; or the error.
Task<error_code> connect(Attempt &attempt) {
    const Endpoint &to = attempt.to;
    auto made = make_socket({to.protocol().family(), SOCK_STREAM});
    if (!made) {
        co_return made.error();
    }
    const SocketAddress address(to);
    const auto begun = begin_connect(*made, address, false);
    if (!begun) {
        co_return begun.error();
    }
    if (*begun) {
        attempt.native = std::move(*made);
        co_return error_code();
    }
    error_code ec = co_await finish_connect(attempt.socket, *made, address);
    if (!ec) {
        attempt.socket.non_blocking(true, ec);
    }
    co_return ec;
}

Task<void> run_attempt(std::shared_ptr<Race> race, Attempt *attempt) {
    const error_code ec = co_await connect(*attempt);
    --race->running;
    if (race->over) {
        co_return;
    }
    if (ec) {
        race->last = ec;
    } else if (race->winner == nullptr) {
        race->winner = attempt;
    }
    race->wake.cancel();
}

Task<RaceResult> connect_one(net::io_context &io, const Endpoint &to, Watchdog &watchdog) {
    RaceResult result;
    result.to = to;
    Attempt attempt{Socket(io), to, {}};
    {
        const Scoped<Socket> dialing(watchdog.dialing, &attempt.socket);
        result.ec = co_await connect(attempt);
    }
    if (!result.ec) {
        result.stream = attempt.stream(io);
    }
    co_return result;
}

} // namespace

Task<RaceResult> connect_race(net::io_context &io, const std::vector<Endpoint> &endpoints,
                              Watchdog &watchdog) {
    if (endpoints.size() == 1) {
        co_return co_await connect_one(io, endpoints.front(), watchdog);
    }
    const auto race = std::make_shared<Race>(io);
    const Scoped<Timer> waiting(watchdog.waiting, &race->wake);
    size_t next = 0;
    auto next_at = Clock::now();
    while (race->winner == nullptr && !watchdog.expired() && !watchdog.cut()) {
        const bool more = next < endpoints.size();
        if (more && (race->running == 0 || Clock::now() >= next_at)) {
            Attempt &attempt =
                race->attempts.emplace_back(Attempt{Socket(io), endpoints[next++], {}});
            next_at = Clock::now() + k_attempt_delay;
            ++race->running;
            net::co_spawn(io.get_executor(), run_attempt(race, &attempt), net::detached);
            continue;
        }
        if (!more && race->running == 0) {
            break;
        }
        race->wake.expires_at(more ? next_at : Clock::time_point::max());
        const auto [ec] = co_await race->wake.async_wait(k_await);
        static_cast<void>(ec); // an attempt has ended, it is time for the next, or the watchdog
    }
    race->over = true;
    RaceResult result;
    result.ec = watchdog.expired() || watchdog.cut() ? net::error::operation_aborted : race->last;
    if (race->winner != nullptr && !watchdog.cut()) {
        result.to = race->winner->to;
        result.stream = race->winner->stream(io);
        result.ec = {};
    }
    for (Attempt &attempt : race->attempts) {
        error_code ignored;
        attempt.socket.close(ignored);
        attempt.native = {};
    }
    co_return result;
}

} // namespace k2s::dataplane
