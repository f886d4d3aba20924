// SPDX-License-Identifier: MIT
#include "layer/block_pool.hpp"

#include <algorithm>

namespace k2s::image {

Result<std::unique_ptr<BlockPool>> BlockPool::make(Compression kind, int level, unsigned threads,
                                                   Sink sink) {
    if (threads == 0) {
        threads = std::clamp(std::thread::hardware_concurrency(), 1U, 64U);
    }
    std::unique_ptr<BlockPool> pool(new BlockPool);
    pool->sink_ = std::move(sink);
    pool->most_ = size_t{4} * threads;
    for (unsigned i = 0; i < threads; ++i) {
        auto encoder = BlockEncoder::make(kind, level);
        if (!encoder) {
            return pass(encoder);
        }
        pool->encoders_.push_back(std::move(*encoder));
    }
    for (auto &encoder : pool->encoders_) {
        pool->threads_.emplace_back([&pool = *pool, &encoder = *encoder] { pool.work(encoder); });
    }
    return pool;
}

BlockPool::~BlockPool() {
    {
        const std::lock_guard lock(mutex_);
        closing_ = true;
    }
    wanted_.notify_all();
    for (auto &thread : threads_) {
        thread.join();
    }
}

void BlockPool::work(BlockEncoder &encoder) {
    for (;;) {
        Job *job = nullptr;
        {
            std::unique_lock lock(mutex_);
            wanted_.wait(lock, [this] { return closing_ || !waiting_.empty(); });
            if (closing_) {
                return;
            }
            job = waiting_.front();
            waiting_.pop_front();
        }
        Done result;
        try {
            result = encoder.encode({job->input.data(), job->size}, job->output);
        } catch (const std::bad_alloc &) {
            result = fail(K2S_E_NO_MEMORY, "out of memory while compressing");
        }
        {
            const std::lock_guard lock(mutex_);
            job->result = std::move(result);
            job->ready = true;
        }
        finished_.notify_one();
    }
}

Done BlockPool::submit(std::string &block, size_t size) {
    while (jobs_.size() >= most_) {
        if (auto taken = take_oldest(); !taken) {
            return taken;
        }
    }
    std::unique_ptr<Job> job;
    if (spare_.empty()) {
        job = std::make_unique<Job>();
    } else {
        job = std::move(spare_.back());
        spare_.pop_back();
    }
    job->input.swap(block);
    job->size = size;
    job->ready = false;
    {
        const std::lock_guard lock(mutex_);
        waiting_.push_back(job.get());
    }
    jobs_.push_back(std::move(job));
    wanted_.notify_one();
    return {};
}

Done BlockPool::take_oldest() {
    {
        std::unique_lock lock(mutex_);
        finished_.wait(lock, [this] { return jobs_.front()->ready; });
    }
    auto job = std::move(jobs_.front());
    jobs_.pop_front();
    auto taken = job->result ? sink_(job->output) : std::move(job->result);
    spare_.push_back(std::move(job));
    return taken;
}

Done BlockPool::finish() {
    while (!jobs_.empty()) {
        if (auto taken = take_oldest(); !taken) {
            return taken;
        }
    }
    return {};
}

} // namespace k2s::image
