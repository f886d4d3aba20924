// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "spec/failure.hpp"

namespace k2s::cni::hcn {

/// What a watched thread is about to do, for the message when it does not come back.
class Progress {
  public:
    void enter(std::string call) {
        const std::lock_guard lock(mutex_);
        call_ = std::move(call);
    }
    std::string call() const {
        const std::lock_guard lock(mutex_);
        return call_;
    }

  private:
    mutable std::mutex mutex_;
    std::string call_;
};

/// Runs work(progress) on a thread. When it has not returned at the deadline the thread is left
/// behind with all that it uses: `work` must own what it refers to. The process ends soon.
template <class Work>
auto watched(std::chrono::milliseconds deadline, Work work)
    -> decltype(work(std::declval<Progress &>())) {
    using Outcome = decltype(work(std::declval<Progress &>()));
    struct State {
        Progress progress;
        std::mutex mutex;
        std::condition_variable done;
        std::optional<Outcome> outcome;
    };
    const auto state = std::make_shared<State>();
    std::thread worker([state, work = std::move(work)] {
        Outcome outcome = work(state->progress);
        const std::lock_guard lock(state->mutex);
        state->outcome = std::move(outcome);
        state->done.notify_one();
    });
    std::unique_lock lock(state->mutex);
    if (!state->done.wait_for(lock, deadline, [&] { return state->outcome.has_value(); })) {
        worker.detach();
        return fail(k_try_later,
                    "{} did not return within {} ms: the Host Network Service (hns) hangs; "
                    "\"Restart-Service hns\" mends it",
                    state->progress.call(), deadline.count());
    }
    lock.unlock();
    worker.join();
    return std::move(*state->outcome);
}

} // namespace k2s::cni::hcn
