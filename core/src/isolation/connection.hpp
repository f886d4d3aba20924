// SPDX-License-Identifier: MIT
/// \file
/// The host's side of the line to one worker process: calls with answers, and what the worker sends
/// by itself.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "isolation/channel.hpp"

namespace k2s::core::isolation {

/// A worker's answer: a status, its message when it is negative, and what the kind of call says.
struct Reply {
    int32_t status = 0;
    std::string message;
    std::string data;
};

class Connection {
  public:
    /// Takes what the worker sends outside of a call, on the reader's thread. False: it is
    /// nonsense, and the line is closed. Must not wait.
    using Inbound = std::function<bool(Connection &from, const Frame &)>;

    /// `ended` runs on the reader's thread when the line has ended.
    Connection(std::unique_ptr<Channel> channel, Inbound inbound, std::function<void()> ended);
    ~Connection();
    Connection(const Connection &) = delete;
    Connection &operator=(const Connection &) = delete;

    struct Options {
        std::chrono::milliseconds deadline{0}; ///< 0: none
        /// Serves output and input of the call, on the caller's thread: gives the answer's body.
        std::function<std::string(const Frame &)> serve = {};
        /// Asked a few times a second: the worker hears once that it is to stop.
        std::function<bool()> cancelled = {};
        /// Once cancelled the call has this long to come back.
        std::chrono::milliseconds grace{0}; ///< 0: as long as it takes
    };

    /// K2S_E_TIMEOUT: no answer in time; the worker hangs. K2S_E_IO: the line is gone.
    /// K2S_E_NO_MEMORY: the body is too long. [any-thread, may-block]
    Result<Reply> call(Kind kind, const std::string &body, const Options &options);

    /// [any-thread, may-block]
    bool post(Kind kind, uint32_t id, std::string_view body) {
        return channel_->send(kind, id, body);
    }
    /// [any-thread, no-block]
    bool offer(Kind kind, std::string_view body) { return channel_->offer(kind, 0, body); }

    /// Every call fails from now on. [any-thread]
    void close() noexcept;
    bool open() const;

    /// close(), and waits until the reader has ended: nothing comes in any more.
    void finish() noexcept;

    /// What was wrong with what the worker sent; empty: nothing.
    std::string nonsense() const;

  private:
    struct Call {
        std::deque<Frame> arrived;
        std::condition_variable news;
    };
    static constexpr std::size_t k_max_arrived = 64; ///< a worker waits for each answer

    void read();
    bool take(Frame &frame);
    bool hand_over(Frame &frame);

    const std::unique_ptr<Channel> channel_;
    const Inbound inbound_;
    const std::function<void()> ended_;
    mutable std::mutex mutex_; ///< the rest
    std::map<uint32_t, Call *> calls_;
    uint32_t last_id_ = 0;
    bool open_ = true;
    std::string nonsense_;
    std::jthread reader_; ///< last: it uses the others
};

} // namespace k2s::core::isolation
