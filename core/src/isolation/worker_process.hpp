// SPDX-License-Identifier: MIT
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "isolation/channel.hpp"
#include "isolation/limits.hpp"
#include "process/process.hpp"

namespace k2s::core::isolation {

/// One k2s-worker that serves a plugin, from its start to its end. [any-thread]
class WorkerProcess {
  public:
    /// `line` is the worker's end; `library` the open file that it is to load.
    static Result<std::unique_ptr<WorkerProcess>> start(const process::fs::path &program,
                                                        const Channel &line,
                                                        process::NativeHandle library,
                                                        const WorkerLimits &limits);
    /// Kills it, and everything that it started.
    ~WorkerProcess();
    WorkerProcess(const WorkerProcess &) = delete;
    WorkerProcess &operator=(const WorkerProcess &) = delete;

    uint64_t id() const { return process_.id(); }

    void kill() { stop_.request_stop(); }

    /// Until it has ended, at most this long; whether it has.
    bool wait_for(std::chrono::milliseconds limit);

    /// The same, and wake() ends it too. For one thread.
    bool watch_for(std::chrono::milliseconds limit);

    void wake();

    /// "was ended by signal 11 (Segmentation fault)"; after the end.
    std::string how() const;

    /// What it printed last.
    std::string last_lines() const;

  private:
    static constexpr std::size_t k_kept = 2048;

    explicit WorkerProcess(process::Process process) : process_(std::move(process)) {}
    void note(std::string_view piece);

    std::stop_source stop_;
    mutable std::mutex mutex_;
    std::condition_variable ended_;
    std::string printed_;
    std::string how_;
    bool woken_ = false;
    process::Process process_;
    std::jthread waiter_; ///< last: it uses the others
};

} // namespace k2s::core::isolation
