// SPDX-License-Identifier: MIT
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>

#include "isolation/channel.hpp"

namespace k2s::worker {

using core::isolation::Frame;
using core::isolation::Kind;

/// The worker's side of the line to its host. [any-thread] unless said otherwise.
class HostLine {
  public:
    explicit HostLine(core::isolation::Channel::Native end) : channel_(end) {}

    /// [one thread at a time, may-block]
    bool receive(Frame &frame) { return channel_.receive(frame); }

    /// Without an answer. When the host is gone this process ends by its reader.
    void send(Kind kind, uint32_t id, std::string_view body) { channel_.send(kind, id, body); }

    /// Waits for the answer. `id` is that of the call that it belongs to, or 0. [may-block]
    std::string ask(Kind kind, uint32_t id, std::string_view body) {
        Question own;
        std::unique_lock lock(mutex_);
        const uint32_t number = id != 0 ? id : k_own | ++last_;
        questions_[number] = &own;
        lock.unlock();
        channel_.send(kind, number, body);
        lock.lock();
        own.news.wait(lock, [&] { return own.answered; });
        return std::move(own.answer);
    }

    /// An answer has come.
    void take_answer(Frame &frame) {
        const std::lock_guard lock(mutex_);
        if (const auto found = questions_.extract(frame.id)) {
            found.mapped()->answer = std::move(frame.body);
            found.mapped()->answered = true;
            found.mapped()->news.notify_one();
        }
    }

  private:
    static constexpr uint32_t k_own = 0x80000000; // the host's calls are numbered from 1
    struct Question {
        std::condition_variable news;
        std::string answer;
        bool answered = false;
    };

    core::isolation::Channel channel_;
    std::mutex mutex_;
    std::map<uint32_t, Question *> questions_;
    uint32_t last_ = 0;
};

} // namespace k2s::worker
