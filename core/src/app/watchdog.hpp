// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace k2s::core {

/// Does something when this object still lives at its end of time: for calls into plugins, which
/// nobody can interrupt. The destructor waits for an action that has begun.
class Watchdog {
  public:
    /// `expired` usually ends the process.
    Watchdog(std::chrono::milliseconds limit, std::function<void()> expired)
        : thread_([this, limit, expired = std::move(expired)] {
              std::unique_lock lock(mutex_);
              if (!done_.wait_for(lock, limit, [this] { return finished_; })) {
                  expired();
              }
          }) {}
    ~Watchdog() {
        {
            const std::lock_guard lock(mutex_);
            finished_ = true;
        }
        done_.notify_one();
        thread_.join();
    }
    Watchdog(const Watchdog &) = delete;
    Watchdog &operator=(const Watchdog &) = delete;

  private:
    std::mutex mutex_;
    std::condition_variable done_;
    bool finished_ = false;
    std::thread thread_; ///< last: it uses the others
};

} // namespace k2s::core
