// SPDX-License-Identifier: MIT
#include "services/offload_pool.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include <k2s/abi/base.h>

#include "services/host_thread.hpp"

namespace k2s::core {

int32_t OffloadPool::add(const std::shared_ptr<Strand> &strand, Task task) {
    const std::lock_guard held(mutex_);
    if (stopping_ || strand->closed()) {
        return K2S_E_STATE;
    }
    if (queue_.size() >= max_queue_) {
        return K2S_E_BUSY;
    }
    if (idle_ <= queue_.size() && threads_.size() < max_threads_) {
        try {
            start_thread();
        } catch (const std::system_error &) {
            if (threads_.empty()) {
                return K2S_E_NO_MEMORY;
            }
        }
    }
    queue_.push_back({strand, std::move(task)});
    ++unfinished_[strand.get()];
    work_.notify_one();
    return K2S_OK;
}

void OffloadPool::start_thread() {
    threads_.emplace_back([self = shared_from_this(), number = threads_.size() + 1] {
        name_this_thread(fmt::format("k2s-offload-{}", number));
        self->run();
    });
    ++alive_;
}

void OffloadPool::run() {
    std::unique_lock held(mutex_);
    for (;;) {
        ++idle_;
        work_.wait(held, [this] { return stopping_ || !queue_.empty(); });
        --idle_;
        if (queue_.empty()) {
            break;
        }
        Job job = std::move(queue_.front());
        queue_.pop_front();
        const auto entry = busy_.emplace(std::this_thread::get_id(), job.strand->plugin());
        held.unlock();
        try {
            job.task();
        } catch (...) {
            job.strand->report_violation("an exception left an offloaded task");
        }
        job.task = nullptr;
        held.lock();
        busy_.erase(entry);
        if (const auto left = unfinished_.find(job.strand.get()); --left->second == 0) {
            unfinished_.erase(left);
        }
        done_.notify_all();
    }
    --alive_;
    done_.notify_all();
}

std::size_t OffloadPool::finish(const Strand &strand, bool run_queued, Deadline deadline) {
    std::vector<Job> dropped; // destructed after the lock
    std::unique_lock held(mutex_);
    if (!run_queued) {
        for (Job &job : queue_) {
            if (job.strand.get() == &strand) {
                dropped.push_back(std::move(job));
            }
        }
        std::erase_if(queue_, [](const Job &job) { return job.strand == nullptr; });
    }
    const auto own = unfinished_.find(&strand);
    if (own == unfinished_.end()) {
        return 0;
    }
    own->second -= dropped.size();
    if (own->second == 0) {
        unfinished_.erase(own);
        return 0;
    }
    done_.wait_until(held, deadline, [&] { return !unfinished_.contains(&strand); });
    const auto left = unfinished_.find(&strand);
    return left == unfinished_.end() ? 0 : left->second;
}

std::vector<std::string> OffloadPool::stop(Deadline deadline) {
    std::deque<Job> dropped;
    std::vector<std::string> blockers;
    bool ended = false;
    {
        std::unique_lock held(mutex_);
        stopping_ = true;
        dropped.swap(queue_);
        work_.notify_all();
        ended = done_.wait_until(held, deadline, [this] { return alive_ == 0; });
        for (const auto &[thread, plugin] : busy_) {
            blockers.push_back(
                fmt::format("an offloaded task of plugin \"{}\" still runs", plugin));
        }
    }
    for (std::thread &thread : threads_) {
        // The thread keeps this pool; the process is about to end without it.
        ended ? thread.join() : thread.detach();
    }
    return blockers;
}

} // namespace k2s::core
