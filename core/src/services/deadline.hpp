// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace k2s::core {

using Deadline = std::chrono::steady_clock::time_point;

/// The longest wait that a caller can ask for, about 31 years: keeps clock arithmetic in range.
inline constexpr uint64_t k_longest_wait_ms = 1'000'000'000'000;

inline Deadline after_ms(uint64_t ms) noexcept {
    return std::chrono::steady_clock::now() +
           std::chrono::milliseconds(std::min(ms, k_longest_wait_ms));
}

inline Deadline after(std::chrono::milliseconds delay) noexcept {
    return after_ms(delay.count() < 0 ? 0 : static_cast<uint64_t>(delay.count()));
}

} // namespace k2s::core
