// SPDX-License-Identifier: MIT
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "layer/compression.hpp"

namespace k2s::image {

/// Compresses blocks on several threads and gives them out in the order in which they came in. The
/// caller's thread does the rest of the work (reading, digesting, writing) meanwhile; at most a few
/// blocks for each thread are in memory.
class BlockPool {
  public:
    using Sink = std::function<Done(std::string_view encoded)>;

    /// `threads` of 0: one for each processor. Encoders are made here, so wrong levels show at
    /// once.
    static Result<std::unique_ptr<BlockPool>> make(Compression kind, int level, unsigned threads,
                                                   Sink sink);
    ~BlockPool();
    BlockPool(const BlockPool &) = delete;
    BlockPool &operator=(const BlockPool &) = delete;

    /// Takes the first `size` bytes of `block` and gives a used buffer for the next one in return;
    /// first hands finished blocks to the sink when too many are under way.
    Done submit(std::string &block, size_t size);
    /// Hands everything that is left to the sink.
    Done finish();

  private:
    struct Job {
        std::string input;
        size_t size = 0;
        std::string output;
        Done result;
        bool ready = false;
    };

    BlockPool() = default;
    void work(BlockEncoder &encoder);
    Done take_oldest();

    Sink sink_;
    size_t most_ = 0;
    std::mutex mutex_;
    std::condition_variable wanted_, finished_;
    std::deque<std::unique_ptr<Job>> jobs_;   // in order; the front is the oldest
    std::vector<std::unique_ptr<Job>> spare_; // fresh memory costs the kernel more than it looks
    std::deque<Job *> waiting_;
    bool closing_ = false;
    std::vector<std::unique_ptr<BlockEncoder>> encoders_;
    std::vector<std::thread> threads_;
};

} // namespace k2s::image
