// SPDX-License-Identifier: MIT
#pragma once

#include "net.hpp"
#include "stream.hpp"

namespace k2s::dataplane {

/// The time as of the last tick of the proxy: reading it costs nothing, and per-operation timers
/// (a heap and a timerfd call each) are not needed. Deadlines are late by at most two ticks.
struct CoarseClock {
    Clock::time_point now = Clock::now();
    Clock::duration tick = std::chrono::seconds(1);
};

/// One deadline of a session. When it passes, whatever the session waits for is cancelled and
/// `expired()` says why the wait ended.
class Watchdog {
  public:
    explicit Watchdog(const CoarseClock &clock) : clock_(clock) {}

    void arm(Clock::duration after) noexcept {
        at_ = clock_.now + after + clock_.tick;
        expired_ = false;
    }
    void disarm() noexcept { at_ = Clock::time_point::max(); }
    bool expired() const noexcept { return expired_; }
    bool cut() const noexcept { return cut_; }

    void check(Clock::time_point now) noexcept {
        if (now >= at_) {
            disarm();
            expired_ = true;
            cancel();
        }
    }

    /// Ends the session: every wait from now on fails at once.
    void cut_now() noexcept {
        cut_ = true;
        cancel();
        if (client != nullptr) {
            client->close();
        }
        if (upstream != nullptr) {
            upstream->close();
        }
    }

    void cancel() noexcept {
        if (client != nullptr) {
            client->cancel();
        }
        if (upstream != nullptr) {
            upstream->cancel();
        }
        error_code ignored;
        if (dialing != nullptr) {
            dialing->cancel(ignored);
        }
        if (waiting != nullptr) {
            waiting->cancel();
        }
        if (waiter != nullptr) {
            waiter->cancelled();
        }
    }

    /// Waits for something else than the kinds below. May not end its session within the call.
    class Waiter {
      public:
        virtual ~Waiter() = default;
        virtual void cancelled() noexcept = 0;
    };

    // What the session waits for at present; not owned.
    Stream *client = nullptr;
    Stream *upstream = nullptr;
    Socket *dialing = nullptr;
    Timer *waiting = nullptr;
    Waiter *waiter = nullptr;

  private:
    const CoarseClock &clock_;
    Clock::time_point at_ = Clock::time_point::max();
    bool expired_ = false;
    bool cut_ = false;
};

/// Sets a pointer for the length of a scope.
template <typename T> class Scoped {
  public:
    Scoped(T *&slot, T *value) : slot_(slot), before_(slot) { slot_ = value; }
    ~Scoped() { slot_ = before_; }
    Scoped(const Scoped &) = delete;
    Scoped &operator=(const Scoped &) = delete;

  private:
    T *&slot_;
    T *before_;
};

} // namespace k2s::dataplane
