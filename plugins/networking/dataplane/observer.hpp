// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace k2s::dataplane {

enum class LogLevel : uint8_t { debug, info, warn, error };

struct LogField {
    std::string_view key;
    std::string_view value;
};

/// What an engine tells its host. Called on the thread that runs the io_context; must not block.
class Observer {
  public:
    virtual ~Observer() = default;
    virtual void on_log(LogLevel level, std::string_view message,
                        std::initializer_list<LogField> fields) = 0;
};

/// Written by one thread, read by any.
class Counter {
  public:
    void add(uint64_t n = 1) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    void sub(uint64_t n = 1) noexcept { add(~n + 1); }
    uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

  private:
    std::atomic<uint64_t> value_{0};
};

} // namespace k2s::dataplane
