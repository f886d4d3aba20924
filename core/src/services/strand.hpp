// SPDX-License-Identifier: MIT
/// \file
/// What "[strand]" means in the ABI headers: one plugin's calls and tasks, one after the other.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "services/deadline.hpp"

namespace k2s::core {

class Executor;

using Task = std::function<void()>;

/// Gets the plugin's id and what it did wrong.
using ViolationReporter = std::function<void(std::string_view plugin, std::string_view text)>;

/// The lock that a plugin's calls hold, and the queue of its tasks. A thread of the pool never
/// waits for the lock: when the host holds it, the tasks stay queued and whoever unlocks hands them
/// to the pool again. So one plugin's long command does not hold up the tasks of the others.
///
/// Made by Executor::make_strand. All functions are [any-thread].
class Strand : public std::enable_shared_from_this<Strand> {
  public:
    static constexpr std::size_t k_max_tasks = 65536;
    static constexpr std::chrono::milliseconds k_slow_task{250};

    Strand(std::string plugin, Executor &executor, ViolationReporter report);
    Strand(const Strand &) = delete;
    Strand &operator=(const Strand &) = delete;

    const std::string &plugin() const noexcept { return plugin_; }

    /// Queues a task. K2S_E_STATE after close(), K2S_E_NO_MEMORY when the queue is full.
    int32_t post(Task task);

    /// As post(), for the host's own tasks (timers, notices): also after close(), and without a
    /// bound, because each source has one of its own. [no-block]
    void post_internal(Task task);

    /// post() fails from now on.
    void close() noexcept;
    bool closed() const noexcept { return closed_.load(std::memory_order_acquire); }

    /// Runs what is queued on this thread, which holds the strand; stops at the deadline.
    /// False when something is left.
    bool run_pending(Deadline deadline);

    /// Throws away what is queued, without running it.
    void drop_pending();

    /// Whether this thread is on the strand: inside a StrandGuard or a task.
    bool is_current() const noexcept {
        return owner_.load(std::memory_order_relaxed) == std::this_thread::get_id();
    }

    /// What holds the strand and for how long, for messages: `"start" for 1200 ms`; empty when it
    /// is free.
    std::string holder() const;

    /// Reports tasks that hold the strand for longer than `k_slow_task`: they are [no-block].
    void check_tasks(bool check) noexcept { check_tasks_ = check; }

    void report_violation(std::string_view text) const noexcept;

  private:
    friend class StrandGuard;
    friend class Executor;

    bool lock(std::string_view what, Deadline deadline);
    void unlock() noexcept;
    void run_batch();
    void run_front(std::unique_lock<std::mutex> &held);
    void schedule_if_needed(std::unique_lock<std::mutex> held) noexcept;

    const std::string plugin_;
    Executor &executor_;
    const ViolationReporter report_;

    std::atomic<bool> closed_{false};
    std::atomic<bool> check_tasks_{false};
    std::atomic<std::thread::id> owner_{};
    mutable std::mutex mutex_;
    std::condition_variable freed_;
    std::deque<Task> tasks_;
    std::string what_;
    std::chrono::steady_clock::time_point since_{};
    unsigned depth_ = 0;
    unsigned waiting_ = 0;
    bool scheduled_ = false;
};

/// Holds the strand and marks this thread as being on it. Recursive. The host takes one around
/// each call into a plugin that is tagged [strand].
class StrandGuard {
  public:
    /// Waits for as long as it takes. `what` is the name of the call, for messages about blockers.
    StrandGuard(Strand &strand, std::string_view what);

    /// Waits until the deadline; ask the guard whether it has the strand.
    StrandGuard(Strand &strand, std::string_view what, Deadline deadline);

    StrandGuard(const StrandGuard &) = delete;
    StrandGuard &operator=(const StrandGuard &) = delete;
    ~StrandGuard();

    explicit operator bool() const noexcept { return locked_; }

  private:
    Strand &strand_;
    bool locked_;
};

} // namespace k2s::core
