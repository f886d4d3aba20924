// SPDX-License-Identifier: MIT
#include "services/executor.hpp"

#include <exception>
#include <map>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>

#include "services/handle.hpp"
#include "services/host_thread.hpp"
#include "services/offload_pool.hpp"

namespace k2s::core {

namespace asio = boost::asio;
using std::chrono::milliseconds;

struct Executor::Timer {
    Timer(asio::io_context &io, std::shared_ptr<Strand> owner)
        : strand(std::move(owner)), wait(io) {}

    k2s_handle handle = 0;
    const std::shared_ptr<Strand> strand;
    Task task;
    milliseconds period{0};

    std::mutex mutex; ///< the rest
    std::condition_variable ended;
    asio::steady_timer wait;
    bool cancelled = false;
    bool running = false;
};

/// Owned by the executor and by each of its threads, so that a thread which cannot be ended keeps
/// what it works with. Handlers refer to it by plain or weak pointers: they live inside of it.
struct Executor::Pool : std::enable_shared_from_this<Pool> {
    Pool(unsigned count, ViolationReporter reporter)
        : report(std::move(reporter)), io(static_cast<int>(count)) {}

    void start(unsigned count);
    void run();
    void arm(const std::shared_ptr<Timer> &timer);
    static void run_timer(const std::weak_ptr<Pool> &pool, const std::shared_ptr<Timer> &timer);
    void forget(const Timer &timer);

    const ViolationReporter report;
    asio::io_context io;
    std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work;
    std::vector<std::thread> threads;

    std::mutex mutex; ///< the rest
    std::condition_variable left;
    unsigned alive = 0;
    std::multimap<std::thread::id, std::string> busy; ///< whose task a thread runs
    std::map<const Strand *, std::map<k2s_handle, std::shared_ptr<Timer>>> timers;
};

void Executor::Pool::start(unsigned count) {
    work.emplace(io.get_executor());
    for (unsigned index = 0; index < count; ++index) {
        {
            const std::lock_guard held(mutex);
            ++alive;
        }
        try {
            threads.emplace_back([self = shared_from_this()] {
                name_this_thread("k2s-pool");
                self->run();
                const std::lock_guard held(self->mutex);
                --self->alive;
                self->left.notify_all();
            });
        } catch (...) {
            const std::lock_guard held(mutex);
            --alive;
            if (threads.empty()) {
                throw;
            }
            return; // fewer threads do as well
        }
    }
}

void Executor::Pool::run() {
    for (;;) {
        try {
            io.run();
            return;
        } catch (const std::exception &caught) {
            if (report) {
                report("host", fmt::format("an exception left a handler: {}", caught.what()));
            }
        }
    }
}

void Executor::Pool::arm(const std::shared_ptr<Timer> &timer) {
    // Under timer->mutex. Runs on a thread that keeps the pool: a plain pointer will do.
    timer->wait.async_wait([this, timer](const boost::system::error_code &error) {
        if (!error) {
            timer->strand->post_internal(
                [pool = weak_from_this(), timer] { run_timer(pool, timer); });
        }
    });
}

void Executor::Pool::run_timer(const std::weak_ptr<Pool> &pool,
                               const std::shared_ptr<Timer> &timer) {
    {
        const std::lock_guard held(timer->mutex);
        if (timer->cancelled) {
            return;
        }
        timer->running = true;
    }
    try {
        timer->task();
    } catch (...) {
        timer->strand->report_violation("an exception left a timer's task");
    }
    const std::shared_ptr<Pool> alive = pool.lock();
    {
        const std::lock_guard held(timer->mutex);
        timer->running = false;
        if (timer->period.count() == 0) {
            timer->cancelled = true;
        }
        if (!timer->cancelled && alive) {
            const auto now = std::chrono::steady_clock::now();
            auto next = timer->wait.expiry() + timer->period;
            if (next <= now) { // leave out what is late, but keep the beat
                next += ((now - next) / timer->period + 1) * timer->period;
            }
            timer->wait.expires_at(next);
            alive->arm(timer);
            return;
        }
        timer->ended.notify_all();
    }
    if (alive) {
        alive->forget(*timer);
    }
}

void Executor::Pool::forget(const Timer &timer) {
    std::shared_ptr<Timer> last; // destructed after the lock
    const std::lock_guard held(mutex);
    const auto owner = timers.find(timer.strand.get());
    if (owner == timers.end()) {
        return;
    }
    if (const auto found = owner->second.find(timer.handle); found != owner->second.end()) {
        last = std::move(found->second);
        owner->second.erase(found);
    }
    if (owner->second.empty()) {
        timers.erase(owner);
    }
}

Executor::Executor() : Executor(Limits{}) {}

Executor::Executor(Limits limits, ViolationReporter report)
    : limits_(limits), report_(std::move(report)) {}

Executor::~Executor() {
    shutdown(after(std::chrono::seconds(5)));
}

std::shared_ptr<Strand> Executor::make_strand(std::string plugin, ViolationReporter report) {
    return std::make_shared<Strand>(std::move(plugin), *this, std::move(report));
}

std::shared_ptr<Executor::Pool> Executor::pool() {
    const std::lock_guard held(mutex_);
    if (!pool_ && !stopped_) {
        auto fresh = std::make_shared<Pool>(limits_.threads, report_);
        fresh->start(limits_.threads);
        pool_ = std::move(fresh);
    }
    return pool_;
}

std::shared_ptr<Executor::Pool> Executor::existing_pool() const {
    const std::lock_guard held(mutex_);
    return pool_;
}

std::shared_ptr<OffloadPool> Executor::existing_offload() const {
    const std::lock_guard held(mutex_);
    return offload_;
}

void Executor::schedule(std::shared_ptr<Strand> strand) {
    const std::shared_ptr<Pool> pool = this->pool();
    if (!pool) {
        return; // shut down: nothing runs any more
    }
    asio::post(pool->io, [raw = pool.get(), strand = std::move(strand)] {
        const auto self = std::this_thread::get_id();
        {
            const std::lock_guard held(raw->mutex);
            raw->busy.emplace(self, strand->plugin());
        }
        strand->run_batch();
        const std::lock_guard held(raw->mutex);
        raw->busy.erase(self);
    });
}

Result<k2s_handle> Executor::add_timer(const std::shared_ptr<Strand> &strand, milliseconds delay,
                                       milliseconds period, Task task) {
    const std::shared_ptr<Pool> pool = this->pool();
    if (!pool) {
        return fail(K2S_E_STATE, "the host is shutting down");
    }
    auto timer = std::make_shared<Timer>(pool->io, strand);
    timer->handle = make_handle(HandleKind::timer);
    timer->task = std::move(task);
    timer->period = period;
    {
        const std::lock_guard held(pool->mutex);
        if (strand->closed()) {
            return fail(K2S_E_STATE, "the plugin is being destroyed");
        }
        auto &own = pool->timers[strand.get()];
        if (own.size() >= limits_.timers) {
            return fail(K2S_E_NO_MEMORY, "the plugin has {} timers already", own.size());
        }
        own.emplace(timer->handle, timer);
    }
    const std::lock_guard held(timer->mutex);
    if (!timer->cancelled) {
        timer->wait.expires_at(after(delay));
        pool->arm(timer);
    }
    return timer->handle;
}

int32_t Executor::cancel_timer(const Strand &strand, k2s_handle handle, Deadline deadline) {
    const std::shared_ptr<Pool> pool = existing_pool();
    std::shared_ptr<Timer> timer;
    if (pool) {
        const std::lock_guard held(pool->mutex);
        if (const auto owner = pool->timers.find(&strand); owner != pool->timers.end()) {
            const auto found = owner->second.find(handle);
            timer = found == owner->second.end() ? nullptr : found->second;
        }
    }
    if (!timer) {
        return K2S_E_NOT_FOUND;
    }
    {
        std::unique_lock held(timer->mutex);
        timer->cancelled = true;
        timer->wait.cancel();
        // On the strand the task can only be running when it is the caller.
        if (!strand.is_current() &&
            !timer->ended.wait_until(held, deadline, [&] { return !timer->running; })) {
            return K2S_E_TIMEOUT;
        }
    }
    pool->forget(*timer);
    return K2S_OK;
}

int32_t Executor::offload(const std::shared_ptr<Strand> &strand, Task task) {
    std::shared_ptr<OffloadPool> pool;
    {
        const std::lock_guard held(mutex_);
        if (stopped_) {
            return K2S_E_STATE;
        }
        if (!offload_) {
            offload_ =
                std::make_shared<OffloadPool>(limits_.offload_threads, limits_.offload_queue);
        }
        pool = offload_;
    }
    return pool->add(strand, std::move(task));
}

std::size_t Executor::finish_offloaded(const Strand &strand, bool run_queued, Deadline deadline) {
    const std::shared_ptr<OffloadPool> pool = existing_offload();
    return pool ? pool->finish(strand, run_queued, deadline) : 0;
}

std::vector<k2s_handle> Executor::timers_of(const Strand &strand) const {
    std::vector<k2s_handle> handles;
    if (const std::shared_ptr<Pool> pool = existing_pool()) {
        const std::lock_guard held(pool->mutex);
        if (const auto owner = pool->timers.find(&strand); owner != pool->timers.end()) {
            for (const auto &[handle, timer] : owner->second) {
                handles.push_back(handle);
            }
        }
    }
    return handles;
}

boost::asio::io_context &Executor::context() {
    const std::shared_ptr<Pool> pool = this->pool();
    if (!pool) {
        throw std::logic_error("the executor is shut down");
    }
    return pool->io;
}

std::vector<std::string> Executor::shutdown(Deadline deadline) {
    std::shared_ptr<Pool> pool;
    std::shared_ptr<OffloadPool> offload;
    {
        const std::lock_guard held(mutex_);
        stopped_ = true;
        pool = std::move(pool_);
        offload = std::move(offload_);
    }
    std::vector<std::string> blockers;
    if (offload) {
        blockers = offload->stop(deadline);
    }
    if (!pool) {
        return blockers;
    }
    pool->work.reset();
    pool->io.stop();
    bool ended = false;
    std::map<const Strand *, std::map<k2s_handle, std::shared_ptr<Timer>>> timers;
    {
        std::unique_lock held(pool->mutex);
        ended = pool->left.wait_until(held, deadline, [&] { return pool->alive == 0; });
        for (const auto &[thread, plugin] : pool->busy) {
            blockers.push_back(fmt::format("a task of plugin \"{}\" still runs", plugin));
        }
        timers.swap(pool->timers); // destructed after the lock
    }
    for (std::thread &thread : pool->threads) {
        // The thread keeps the pool; the process is about to end without it.
        ended ? thread.join() : thread.detach();
    }
    return blockers;
}

bool Executor::running() const noexcept {
    const std::lock_guard held(mutex_);
    return pool_ != nullptr || offload_ != nullptr;
}

} // namespace k2s::core
