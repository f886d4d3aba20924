// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace k2s::core {

struct ProgressState {
    std::string_view title; ///< of clean_title()
    uint64_t done = 0;
    uint64_t total = 0; ///< 0: unknown
    bool bytes = false;
    std::chrono::nanoseconds elapsed{0};
    uint32_t columns = 80; ///< what it may fill
    bool color = false;
};

struct ProgressLine {
    std::string text;
    std::size_t columns = 0; ///< what it fills; each character counts as one
};

/// `title [=====>    ]  50% 1.0/2.0 MiB 512.0 KiB/s 0:02`. In a narrow terminal first the bar goes,
/// then the figures behind the percentage, then the end of the title.
ProgressLine progress_line(const ProgressState &state);

/// Well-formed UTF-8 without control characters, at most 256 bytes.
std::string clean_title(std::string_view title);

} // namespace k2s::core
