// SPDX-License-Identifier: MIT
/// \file
/// The two ends of the line between a host and one worker: a socket pair on Linux, a named pipe of
/// one instance on Windows. Nobody else can get at it.
#pragma once

#include <chrono>
#include <memory>

#include "isolation/wire.hpp"
#include "util/result.hpp"

namespace k2s::core::isolation {

class Channel {
  public:
#ifdef _WIN32
    using Native = void *;
#else
    using Native = int;
#endif

    /// Takes an end over; it is closed with the object.
    explicit Channel(Native end);
    ~Channel();
    Channel(const Channel &) = delete;
    Channel &operator=(const Channel &) = delete;

    /// Makes both ends: one for here, one to be passed to a child.
    struct Pair {
        std::unique_ptr<Channel> here;
        std::unique_ptr<Channel> there;
    };
    static Result<Pair> make();

    Native native() const noexcept;

    /// How long the other side may leave its end unread before it counts as hung.
    static constexpr std::chrono::seconds k_patience{10};

    /// Sends a whole frame. False when the other end is gone, or has not read for `k_patience`:
    /// then the line is closed. [any-thread, may-block]
    bool send(Kind kind, uint32_t id, std::string_view body);

    /// How long an offer waits for a frame of somebody else that is just being sent.
    static constexpr std::chrono::milliseconds k_offer_wait{200};

    /// Sends it unless the other side would have to make room first. False: not sent. For bodies up
    /// to 64 KiB. [any-thread, waits `k_offer_wait` at most]
    bool offer(Kind kind, uint32_t id, std::string_view body);

    /// The next frame. False at the end of the line, or when what came is no frame.
    /// [one thread at a time, may-block]
    bool receive(Frame &frame);

    /// Ends receive() and all sends, here and there. [any-thread]
    void close() noexcept;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace k2s::core::isolation
