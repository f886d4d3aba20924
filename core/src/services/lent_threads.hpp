// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <k2s/abi/base.h>

#include "services/deadline.hpp"
#include "util/result.hpp"

namespace k2s::core {

/// Threads that are lent to one plugin for its own event loops. [any-thread]
class LentThreads {
  public:
    static constexpr std::size_t k_max_threads = 256;

    LentThreads() = default;
    LentThreads(const LentThreads &) = delete;
    LentThreads &operator=(const LentThreads &) = delete;

    /// Threads that still run are interrupted and, when they do not end within a second, given up:
    /// they go on running without us. Only a host that ended with blockers gets there.
    ~LentThreads();

    /// Runs `run` on a thread with this name; `interrupt` must make it return soon.
    Result<k2s_handle> lend(std::string name, std::function<void()> run,
                            std::function<void()> interrupt);

    /// Interrupts (at most once per thread) and waits. K2S_E_NOT_FOUND, K2S_E_TIMEOUT; K2S_E_STATE
    /// when the thread would wait for itself.
    int32_t join(k2s_handle thread, Deadline deadline);

    /// lend() fails from now on.
    void close() noexcept;

    std::vector<k2s_handle> handles() const;

    /// For messages; empty when the handle is gone.
    std::string name_of(k2s_handle thread) const;

  private:
    struct Lent;
    mutable std::mutex mutex_;
    std::map<k2s_handle, std::shared_ptr<Lent>> threads_;
    bool closed_ = false;
};

} // namespace k2s::core
