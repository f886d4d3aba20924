// SPDX-License-Identifier: MIT
/// \file
/// What Cancellation waits for: an eventfd on Linux, an event on Windows.
#pragma once

#include <atomic>
#include <chrono>

namespace k2s::core {

class WakeEvent {
  public:
#ifdef _WIN32
    using Native = void *;
    static constexpr Native k_none = nullptr;
#else
    using Native = int;
    static constexpr Native k_none = -1;
#endif

    /// `stays_set`: for everybody from now on; otherwise it wakes one wait_for_any().
    explicit WakeEvent(bool stays_set) : stays_set_(stays_set) {}
    WakeEvent(const WakeEvent &) = delete;
    WakeEvent &operator=(const WakeEvent &) = delete;
    ~WakeEvent();

    /// Makes the system's part, once; false when the system has no more. [one thread at a time]
    bool open() noexcept;

    /// Nothing before open(). Async-signal-safe. [any-thread]
    void set() noexcept;

    Native native() const noexcept { return native_.load(); }

    /// Until one of two opened events is set or the time is over.
    static void wait_for_any(WakeEvent &one, WakeEvent &other, std::chrono::milliseconds limit);

  private:
    const bool stays_set_;
    std::atomic<Native> native_{k_none};
};

} // namespace k2s::core
