// SPDX-License-Identifier: MIT
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "services/strand.hpp"

namespace k2s::core {

/// Threads for work that blocks, shared by all plugins, with a bounded queue. Part of Executor.
/// Owned by its threads as well, so that one that cannot be ended keeps what it works with.
class OffloadPool : public std::enable_shared_from_this<OffloadPool> {
  public:
    OffloadPool(unsigned threads, std::size_t queue) : max_threads_(threads), max_queue_(queue) {}

    /// K2S_E_STATE when the strand is closed or the pool stopped, K2S_E_BUSY when the queue is
    /// full, K2S_E_NO_MEMORY when there is no thread to run it.
    int32_t add(const std::shared_ptr<Strand> &strand, Task task);

    /// See Executor::finish_offloaded.
    std::size_t finish(const Strand &strand, bool run_queued, Deadline deadline);

    /// Drops the queue and ends the threads; the running tasks that did not end, in words.
    std::vector<std::string> stop(Deadline deadline);

  private:
    struct Job {
        std::shared_ptr<Strand> strand;
        Task task;
    };

    void start_thread(); ///< under mutex_
    void run();

    const unsigned max_threads_;
    const std::size_t max_queue_;
    std::mutex mutex_;
    std::condition_variable work_;
    std::condition_variable done_;
    std::deque<Job> queue_;
    std::vector<std::thread> threads_;
    std::map<const Strand *, std::size_t> unfinished_; ///< queued and running
    std::multimap<std::thread::id, std::string> busy_; ///< whose task a thread runs
    unsigned idle_ = 0;
    unsigned alive_ = 0;
    bool stopping_ = false;
};

} // namespace k2s::core
