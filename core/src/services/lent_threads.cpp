// SPDX-License-Identifier: MIT
#include "services/lent_threads.hpp"

#include <condition_variable>
#include <system_error>
#include <thread>
#include <utility>

#include "services/handle.hpp"
#include "services/host_thread.hpp"

namespace k2s::core {

struct LentThreads::Lent {
    std::string name;
    std::function<void()> run;
    std::function<void()> interrupt;

    std::mutex mutex; ///< the rest
    std::condition_variable ended;
    std::thread thread;
    bool interrupted = false;
    bool done = false;
};

LentThreads::~LentThreads() {
    const Deadline deadline = after(std::chrono::seconds(1));
    for (const k2s_handle handle : handles()) {
        if (join(handle, deadline) == K2S_E_TIMEOUT) {
            threads_.at(handle)->thread.detach(); // it keeps its Lent
        }
    }
}

Result<k2s_handle> LentThreads::lend(std::string name, std::function<void()> run,
                                     std::function<void()> interrupt) {
    auto lent = std::make_shared<Lent>();
    lent->name = std::move(name);
    lent->run = std::move(run);
    lent->interrupt = std::move(interrupt);

    const std::lock_guard held(mutex_);
    if (closed_) {
        return fail(K2S_E_STATE, "the plugin is being destroyed");
    }
    if (threads_.size() >= k_max_threads) {
        return fail(K2S_E_NO_MEMORY, "the plugin has {} threads already", threads_.size());
    }
    const k2s_handle handle = make_handle(HandleKind::thread);
    const auto entry = threads_.emplace(handle, lent).first;
    try {
        const std::lock_guard own(lent->mutex);
        lent->thread = std::thread([lent] {
            name_this_thread(lent->name);
            try {
                lent->run();
            } catch (...) {
                // Nothing may leave a plugin's function; a thread that broke the rule has ended.
            }
            const std::lock_guard inner(lent->mutex);
            lent->done = true;
            lent->ended.notify_all();
        });
    } catch (const std::system_error &error) {
        threads_.erase(entry);
        return fail(K2S_E_NO_MEMORY, "cannot start a thread: {}", error.what());
    }
    return handle;
}

int32_t LentThreads::join(k2s_handle thread, Deadline deadline) {
    std::shared_ptr<Lent> lent;
    {
        const std::lock_guard held(mutex_);
        const auto found = threads_.find(thread);
        if (found == threads_.end()) {
            return K2S_E_NOT_FOUND;
        }
        lent = found->second;
    }
    std::unique_lock own(lent->mutex);
    if (lent->thread.get_id() == std::this_thread::get_id()) {
        return K2S_E_STATE;
    }
    if (!lent->interrupted && !lent->done) {
        lent->interrupted = true;
        own.unlock(); // interrupt may call back into the host
        lent->interrupt();
        own.lock();
    }
    if (!lent->ended.wait_until(own, deadline, [&] { return lent->done; })) {
        return K2S_E_TIMEOUT;
    }
    std::thread ended = std::move(lent->thread); // of two joiners one gets it
    own.unlock();
    if (ended.joinable()) {
        ended.join();
        const std::lock_guard held(mutex_);
        threads_.erase(thread);
    }
    return K2S_OK;
}

void LentThreads::close() noexcept {
    const std::lock_guard held(mutex_);
    closed_ = true;
}

std::vector<k2s_handle> LentThreads::handles() const {
    std::vector<k2s_handle> all;
    const std::lock_guard held(mutex_);
    for (const auto &[handle, lent] : threads_) {
        all.push_back(handle);
    }
    return all;
}

std::string LentThreads::name_of(k2s_handle thread) const {
    const std::lock_guard held(mutex_);
    const auto found = threads_.find(thread);
    return found == threads_.end() ? std::string() : found->second->name;
}

} // namespace k2s::core
