// SPDX-License-Identifier: MIT
/// \file
/// The threads of the host: a small pool for tasks and timers, and a bounded one for blocking work.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <k2s/abi/base.h>

#include "services/strand.hpp"
#include "util/result.hpp"

namespace boost::asio {
class io_context;
}

namespace k2s::core {

class OffloadPool;

/// Makes strands and runs their tasks. Constructing one starts nothing; the first post, timer or
/// offload does. [any-thread] unless said otherwise.
class Executor {
  public:
    struct Limits {
        unsigned threads = 1;         ///< for tasks and timers
        unsigned offload_threads = 4; ///< started one by one, as work comes
        std::size_t offload_queue = 256;
        std::size_t timers = 4096; ///< per plugin
    };

    Executor();

    /// `report` gets what leaves a handler of the host's own as an exception.
    explicit Executor(Limits limits, ViolationReporter report = {});
    Executor(const Executor &) = delete;
    Executor &operator=(const Executor &) = delete;

    /// Stops and waits for the threads; calls shutdown() with 5 s when nobody did.
    ~Executor();

    std::shared_ptr<Strand> make_strand(std::string plugin, ViolationReporter report = {});

    /// Runs `task` on the strand after `delay`, then every `period` unless that is zero; runs that
    /// would be late are left out. A timer that has run once and has no period is gone by itself.
    Result<k2s_handle> add_timer(const std::shared_ptr<Strand> &strand,
                                 std::chrono::milliseconds delay, std::chrono::milliseconds period,
                                 Task task);

    /// As k2s_executor::cancel: the task does not run any more, nor is it running, except when it
    /// is the caller. K2S_E_NOT_FOUND for a timer that is gone or another plugin's; K2S_E_TIMEOUT
    /// when its task still runs at the deadline (it will not run again, though).
    int32_t cancel_timer(const Strand &strand, k2s_handle timer, Deadline deadline);

    /// K2S_E_BUSY when the queue is full, K2S_E_STATE when the strand is closed.
    int32_t offload(const std::shared_ptr<Strand> &strand, Task task);

    /// Throws away the strand's offloaded tasks that have not started, unless `run_queued`, and
    /// waits for the others; the number that is left at the deadline.
    std::size_t finish_offloaded(const Strand &strand, bool run_queued, Deadline deadline);

    /// Handles of the strand's timers.
    std::vector<k2s_handle> timers_of(const Strand &strand) const;

    /// For the host's own asynchronous work. Makes sure that a thread runs it.
    boost::asio::io_context &context();

    /// Ends all threads. What cannot be ended by the deadline is left running and named.
    /// Nothing can be started afterwards.
    std::vector<std::string> shutdown(Deadline deadline);

    /// Whether any thread was started: a one-shot command has none.
    bool running() const noexcept;

  private:
    friend class Strand;
    void schedule(std::shared_ptr<Strand> strand);

    struct Pool;
    struct Timer;

    std::shared_ptr<Pool> pool();
    std::shared_ptr<Pool> existing_pool() const;
    std::shared_ptr<OffloadPool> existing_offload() const;

    const Limits limits_;
    const ViolationReporter report_;
    mutable std::mutex mutex_; ///< the three below
    std::shared_ptr<Pool> pool_;
    std::shared_ptr<OffloadPool> offload_;
    bool stopped_ = false;
};

} // namespace k2s::core
