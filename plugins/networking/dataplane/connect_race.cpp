// SPDX-License-Identifier: MIT
#include "connect_race.hpp"

#include <deque>
#include <memory>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "stream.hpp"

namespace k2s::dataplane {
namespace {

struct Attempt {
    Socket socket;
    Endpoint to;
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

bool open(Attempt &attempt, error_code &ec) {
    attempt.socket.open(attempt.to.protocol(), ec);
    if (ec) {
        return false;
    }
    prepare_socket(attempt.socket);
    return true;
}

Task<void> run_attempt(std::shared_ptr<Race> race, Attempt *attempt) {
    const auto [ec] = co_await attempt->socket.async_connect(attempt->to, k_await);
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
    Attempt attempt{Socket(io), to};
    if (!open(attempt, result.ec)) {
        co_return result;
    }
    {
        const Scoped<Socket> dialing(watchdog.dialing, &attempt.socket);
        const auto [ec] = co_await attempt.socket.async_connect(to, k_await);
        result.ec = ec;
    }
    if (!result.ec) {
        result.socket.emplace(std::move(attempt.socket));
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
            Attempt &attempt = race->attempts.emplace_back(Attempt{Socket(io), endpoints[next++]});
            next_at = Clock::now() + k_attempt_delay;
            if (open(attempt, race->last)) {
                ++race->running;
                net::co_spawn(io.get_executor(), run_attempt(race, &attempt), net::detached);
            }
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
        result.socket.emplace(std::move(race->winner->socket));
        result.ec = {};
    }
    for (Attempt &attempt : race->attempts) {
        error_code ignored;
        attempt.socket.close(ignored);
    }
    co_return result;
}

} // namespace k2s::dataplane
