// SPDX-License-Identifier: MIT
#include "isolation/worker_process.hpp"

#include "services/host_thread.hpp"
#include "util/utf8.hpp"

namespace k2s::core::isolation {

Result<std::unique_ptr<WorkerProcess>> WorkerProcess::start(const process::fs::path &program,
                                                            const Channel &line,
                                                            process::NativeHandle library,
                                                            const WorkerLimits &limits) {
    // The sinks need the object, which needs the process.
    auto self = std::make_shared<WorkerProcess *>(nullptr);
    const auto keep = [self](std::string_view piece) {
        (*self)->note(piece); // from the waiting thread only
        return true;
    };
    process::Spec spec;
    spec.program = program;
    spec.arguments = {"serve", "?", "?"};
    spec.passed = {{line.native(), 1}, {library, 2}};
    spec.out = process::Output::deliver(keep, UINT64_MAX);
    spec.err = process::Output::deliver(keep, UINT64_MAX);
    limit_process(spec, limits);
    std::stop_source stop;
    spec.cancel = stop.get_token();
    auto process = process::Process::start(std::move(spec));
    if (!process) {
        return pass(process);
    }
    std::unique_ptr<WorkerProcess> worker(new WorkerProcess(std::move(*process)));
    worker->stop_ = std::move(stop);
    *self = worker.get();
    worker->waiter_ = std::jthread([worker = worker.get()] {
        name_this_thread("k2s-worker-end");
        const auto outcome = worker->process_.wait();
        const std::lock_guard lock(worker->mutex_);
        worker->how_ = outcome ? process::describe(*outcome) : outcome.error().message;
        worker->ended_.notify_all();
    });
    return worker;
}

WorkerProcess::~WorkerProcess() {
    kill();
}

void WorkerProcess::note(std::string_view piece) {
    const std::lock_guard lock(mutex_);
    printed_.append(piece);
    if (printed_.size() > 2 * k_kept) {
        printed_.erase(0, printed_.size() - k_kept);
    }
}

bool WorkerProcess::wait_for(std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    return ended_.wait_for(lock, limit, [this] { return !how_.empty(); });
}

bool WorkerProcess::watch_for(std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    ended_.wait_for(lock, limit, [this] { return !how_.empty() || woken_; });
    woken_ = false;
    return !how_.empty();
}

void WorkerProcess::wake() {
    const std::lock_guard lock(mutex_);
    woken_ = true;
    ended_.notify_all();
}

std::string WorkerProcess::how() const {
    const std::lock_guard lock(mutex_);
    return how_;
}

std::string WorkerProcess::last_lines() const {
    const std::lock_guard lock(mutex_);
    std::string_view text = printed_;
    text.remove_prefix(text.size() > k_kept ? text.size() - k_kept : 0);
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) {
        text.remove_suffix(1);
    }
    return lossy_utf8(text);
}

} // namespace k2s::core::isolation
