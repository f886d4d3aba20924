// SPDX-License-Identifier: MIT
/// \file
/// Bars for long work; see abi/progress.h. Without a terminal nothing is ever written.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <mutex>
#include <string>
#include <string_view>

#include <k2s/abi/progress.h>

namespace k2s::core {

/// Shows the youngest bar, at most ten times a second, on one line that is cleared when the last
/// one ends. [any-thread]; advance() never waits for another thread.
class Progress {
  public:
    static constexpr std::size_t k_max_bars = 64;

    struct Terminal {
        std::function<uint32_t()> columns; ///< 0: there is no terminal
        std::function<void(std::string_view)> write;
        std::function<bool()> color;
    };

    /// The terminal behind standard error. NO_COLOR switches the colour off, TERM=dumb the bars.
    static Terminal standard_error();

    explicit Progress(Terminal terminal = standard_error());
    Progress(const Progress &) = delete;
    Progress &operator=(const Progress &) = delete;

    /// 0 when there are k_max_bars already. `owner` is any address that stands for the plugin.
    k2s_handle begin(const void *owner, std::string_view title, uint64_t total, uint32_t unit);
    void advance(const void *owner, k2s_handle bar, uint64_t done) noexcept;
    void end(const void *owner, k2s_handle bar) noexcept;

    /// Ends every bar of an owner.
    void end_all(const void *owner) noexcept;

    /// Removes the line until the next advance(): for whoever else writes to the terminal, before.
    void clear_line() noexcept;

  private:
    using Clock = std::chrono::steady_clock;

    struct Bar {
        std::atomic<k2s_handle> handle{0};
        std::atomic<uint64_t> done{0};
        std::atomic<const void *> owner{nullptr};
        std::string title; ///< from here on: under mutex_
        uint64_t total = 0;
        uint32_t unit = K2S_UNIT_ITEMS;
        Clock::time_point started{};
    };

    Bar *find(const void *owner, k2s_handle handle) noexcept;
    void close(Bar &bar) noexcept;
    void draw(Clock::time_point now);
    void wipe() noexcept;

    const Terminal terminal_;
    std::array<Bar, k_max_bars> bars_;
    /// Clock ticks; the largest number while there is no bar or no terminal.
    std::atomic<int64_t> next_draw_{std::numeric_limits<int64_t>::max()};
    std::mutex mutex_;
    uint64_t begun_ = 0;
    std::size_t drawn_ = 0; ///< columns that are on the screen
};

} // namespace k2s::core
