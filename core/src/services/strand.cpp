// SPDX-License-Identifier: MIT
#include "services/strand.hpp"

#include <exception>
#include <utility>

#include <fmt/format.h>

#include <k2s/abi/base.h>

#include "services/executor.hpp"

namespace k2s::core {

namespace {

/// Tasks that one turn on a pool thread runs at most, so that a busy plugin does not keep the only
/// thread from the others.
constexpr int k_batch = 64;

} // namespace

Strand::Strand(std::string plugin, Executor &executor, ViolationReporter report)
    : plugin_(std::move(plugin)), executor_(executor), report_(std::move(report)) {}

int32_t Strand::post(Task task) {
    std::unique_lock held(mutex_);
    if (closed()) {
        return K2S_E_STATE;
    }
    if (tasks_.size() >= k_max_tasks) {
        return K2S_E_NO_MEMORY;
    }
    tasks_.push_back(std::move(task));
    schedule_if_needed(std::move(held));
    return K2S_OK;
}

void Strand::post_internal(Task task) {
    std::unique_lock held(mutex_);
    tasks_.push_back(std::move(task));
    schedule_if_needed(std::move(held));
}

void Strand::close() noexcept {
    // Under the mutex: a post that saw the open strand has its task in the queue by now.
    const std::lock_guard held(mutex_);
    closed_.store(true, std::memory_order_release);
}

bool Strand::run_pending(Deadline deadline) {
    std::unique_lock held(mutex_);
    while (!tasks_.empty()) {
        if (std::chrono::steady_clock::now() >= deadline) {
            return false;
        }
        run_front(held);
    }
    return true;
}

void Strand::drop_pending() {
    std::deque<Task> dropped; // what the tasks captured is destructed outside of the lock
    const std::lock_guard held(mutex_);
    dropped.swap(tasks_);
}

std::string Strand::holder() const {
    const std::lock_guard held(mutex_);
    if (owner_.load(std::memory_order_relaxed) == std::thread::id{}) {
        return {};
    }
    const auto held_for = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - since_);
    return fmt::format("\"{}\" for {} ms", what_, held_for.count());
}

void Strand::report_violation(std::string_view text) const noexcept {
    try {
        if (report_) {
            report_(plugin_, text);
        }
    } catch (...) {
        // A log that fails must not take the host down with it.
    }
}

bool Strand::lock(std::string_view what, Deadline deadline) {
    std::unique_lock held(mutex_);
    if (is_current()) {
        ++depth_;
        return true;
    }
    const auto is_free = [this] {
        return owner_.load(std::memory_order_relaxed) == std::thread::id{};
    };
    ++waiting_;
    const bool got = freed_.wait_until(held, deadline, is_free);
    --waiting_;
    if (!got) {
        return false; // who has it hands the queue on
    }
    owner_.store(std::this_thread::get_id(), std::memory_order_relaxed);
    depth_ = 1;
    what_ = what;
    since_ = std::chrono::steady_clock::now();
    return true;
}

void Strand::unlock() noexcept {
    std::unique_lock held(mutex_);
    if (--depth_ > 0) {
        return;
    }
    owner_.store(std::thread::id{}, std::memory_order_relaxed);
    if (waiting_ > 0) {
        freed_.notify_one();
    }
    schedule_if_needed(std::move(held));
}

void Strand::run_batch() {
    std::unique_lock held(mutex_);
    scheduled_ = false;
    if (owner_.load(std::memory_order_relaxed) != std::thread::id{} || waiting_ > 0) {
        return; // its unlock() schedules the queue again
    }
    owner_.store(std::this_thread::get_id(), std::memory_order_relaxed);
    depth_ = 1;
    what_ = "task";
    for (int count = 0; count < k_batch && !tasks_.empty() && waiting_ == 0; ++count) {
        since_ = std::chrono::steady_clock::now();
        run_front(held);
    }
    held.unlock();
    unlock();
}

void Strand::run_front(std::unique_lock<std::mutex> &held) {
    Task task = std::move(tasks_.front());
    tasks_.pop_front();
    held.unlock();
    const auto start = std::chrono::steady_clock::now();
    try {
        task();
    } catch (const std::exception &caught) {
        report_violation(fmt::format("an exception left a task: {}", caught.what()));
    } catch (...) {
        report_violation("an exception left a task");
    }
    task = nullptr; // destructs what it captured before the next one starts
    if (check_tasks_.load(std::memory_order_relaxed)) {
        const auto took = std::chrono::steady_clock::now() - start;
        if (took > k_slow_task) {
            report_violation(
                fmt::format("a task held the strand for {} ms; tasks are [no-block], use offload",
                            std::chrono::duration_cast<std::chrono::milliseconds>(took).count()));
        }
    }
    held.lock();
}

void Strand::schedule_if_needed(std::unique_lock<std::mutex> held) noexcept {
    const bool is_free = owner_.load(std::memory_order_relaxed) == std::thread::id{};
    if (tasks_.empty() || scheduled_ || waiting_ > 0 || !is_free) {
        return;
    }
    scheduled_ = true;
    held.unlock();
    try {
        executor_.schedule(shared_from_this());
    } catch (const std::exception &caught) {
        held.lock();
        scheduled_ = false; // the next post or unlock tries again
        held.unlock();
        report_violation(caught.what());
    }
}

StrandGuard::StrandGuard(Strand &strand, std::string_view what)
    : StrandGuard(strand, what, after_ms(k_longest_wait_ms)) {}

StrandGuard::StrandGuard(Strand &strand, std::string_view what, Deadline deadline)
    : strand_(strand), locked_(strand.lock(what, deadline)) {}

StrandGuard::~StrandGuard() {
    if (locked_) {
        strand_.unlock();
    }
}

} // namespace k2s::core
