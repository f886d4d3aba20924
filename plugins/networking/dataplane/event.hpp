// SPDX-License-Identifier: MIT
#pragma once

#include "net.hpp"

namespace k2s::dataplane {

/// A flag that one coroutine waits for and another sets; both run on the same io_context thread.
class Event {
  public:
    explicit Event(net::io_context &io) : timer_(io) {
        timer_.expires_at(Clock::time_point::max());
    }
    void set() {
        set_ = true;
        timer_.cancel();
    }
    bool is_set() const noexcept { return set_; }
    Task<void> wait() {
        while (!set_) {
            const auto [ec] = co_await timer_.async_wait(k_await);
            static_cast<void>(ec); // operation_aborted, by set()
        }
    }

  private:
    Timer timer_;
    bool set_ = false;
};

} // namespace k2s::dataplane
