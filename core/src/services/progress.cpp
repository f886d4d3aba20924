// SPDX-License-Identifier: MIT
#include "services/progress.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "services/handle.hpp"
#include "services/progress_line.hpp"
#include "services/stdio.hpp"
#include "util/environment.hpp"

namespace k2s::core {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds k_interval{100};
constexpr int64_t k_never = std::numeric_limits<int64_t>::max();
constexpr unsigned k_slot_bits = 6;
static_assert(Progress::k_max_bars == std::size_t{1} << k_slot_bits);

int64_t ticks(Clock::time_point time) {
    return time.time_since_epoch().count();
}

} // namespace

Progress::Terminal Progress::standard_error() {
    Terminal terminal;
    terminal.columns = []() -> uint32_t {
        return core::environment("TERM") == "dumb" ? 0 : Stdio::columns(K2S_STREAM_ERR);
    };
    terminal.write = write_standard_error;
    terminal.color = [] {
        return !core::environment("NO_COLOR").has_value() && Stdio::escapes(K2S_STREAM_ERR);
    };
    return terminal;
}

Progress::Progress(Terminal terminal) : terminal_(std::move(terminal)) {}

k2s_handle Progress::begin(const void *owner, std::string_view title, uint64_t total,
                           uint32_t unit) {
    const std::lock_guard held(mutex_);
    const auto now = Clock::now();
    for (std::size_t slot = 0; slot < bars_.size(); ++slot) {
        Bar &bar = bars_[slot];
        if (bar.handle.load(std::memory_order_relaxed) != 0) {
            continue;
        }
        bar.owner.store(owner, std::memory_order_relaxed);
        bar.done.store(0, std::memory_order_relaxed);
        bar.title = clean_title(title);
        bar.total = total;
        bar.unit = unit;
        bar.started = now;
        // The slot in the lowest bits: advance() finds it without looking for it.
        const k2s_handle handle =
            uint64_t{static_cast<uint8_t>(HandleKind::bar)} << 56 | ++begun_ << k_slot_bits | slot;
        bar.handle.store(handle, std::memory_order_release);
        if (next_draw_.load(std::memory_order_relaxed) == k_never) {
            next_draw_.store(terminal_.columns() == 0 ? k_never : ticks(now + k_interval),
                             std::memory_order_relaxed);
        }
        return handle;
    }
    return 0;
}

Progress::Bar *Progress::find(const void *owner, k2s_handle handle) noexcept {
    Bar &bar = bars_[handle & (k_max_bars - 1)];
    return handle != 0 && bar.handle.load(std::memory_order_acquire) == handle &&
                   bar.owner.load(std::memory_order_relaxed) == owner
               ? &bar
               : nullptr;
}

void Progress::advance(const void *owner, k2s_handle handle, uint64_t done) noexcept {
    Bar *const bar = find(owner, handle);
    if (bar == nullptr) {
        return;
    }
    bar->done.store(done, std::memory_order_relaxed);
    const int64_t due = next_draw_.load(std::memory_order_relaxed);
    if (due == k_never) {
        return;
    }
    const auto now = Clock::now();
    if (ticks(now) < due) {
        return;
    }
    const std::unique_lock held(mutex_, std::try_to_lock);
    if (!held || next_draw_.load(std::memory_order_relaxed) > ticks(now)) {
        return; // another thread draws, or just has
    }
    next_draw_.store(ticks(now + k_interval), std::memory_order_relaxed);
    try {
        draw(now);
    } catch (...) {
        // A bar that cannot be drawn is left out.
    }
}

void Progress::end(const void *owner, k2s_handle handle) noexcept {
    const std::lock_guard held(mutex_);
    if (Bar *const bar = find(owner, handle)) {
        close(*bar);
    }
}

void Progress::end_all(const void *owner) noexcept {
    const std::lock_guard held(mutex_);
    for (Bar &bar : bars_) {
        if (bar.handle.load(std::memory_order_relaxed) != 0 &&
            bar.owner.load(std::memory_order_relaxed) == owner) {
            close(bar);
        }
    }
}

void Progress::clear_line() noexcept {
    const std::lock_guard held(mutex_);
    wipe();
}

void Progress::close(Bar &bar) noexcept {
    bar.handle.store(0, std::memory_order_release);
    wipe(); // the others come back with the next advance()
    const bool last = std::none_of(bars_.begin(), bars_.end(), [](const Bar &other) {
        return other.handle.load(std::memory_order_relaxed) != 0;
    });
    if (last) {
        next_draw_.store(k_never, std::memory_order_relaxed);
    }
}

void Progress::draw(Clock::time_point now) {
    const Bar *youngest = nullptr;
    for (const Bar &bar : bars_) {
        const k2s_handle handle = bar.handle.load(std::memory_order_relaxed);
        if (handle != 0 &&
            (youngest == nullptr || handle > youngest->handle.load(std::memory_order_relaxed))) {
            youngest = &bar;
        }
    }
    const uint32_t columns = terminal_.columns();
    if (youngest == nullptr || columns == 0) {
        return;
    }
    ProgressLine line = progress_line({.title = youngest->title,
                                       .done = youngest->done.load(std::memory_order_relaxed),
                                       .total = youngest->total,
                                       .bytes = youngest->unit == K2S_UNIT_BYTES,
                                       .elapsed = now - youngest->started,
                                       // In the last column some terminals wrap.
                                       .columns = columns - 1,
                                       .color = terminal_.color && terminal_.color()});
    std::string text = "\r" + line.text;
    if (drawn_ > line.columns) {
        text.append(drawn_ - line.columns, ' ');
    }
    terminal_.write(text);
    drawn_ = line.columns;
}

void Progress::wipe() noexcept {
    if (drawn_ == 0) {
        return;
    }
    try {
        // Spaces rather than an escape sequence: they work on every console.
        terminal_.write("\r" + std::string(drawn_, ' ') + "\r");
    } catch (...) {
        // The line stays.
    }
    drawn_ = 0;
}

} // namespace k2s::core
