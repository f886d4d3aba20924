// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "util/result.hpp"

namespace k2s::core {

/// Levels as Go's slog numbers them, which the original tools use; any integer between is valid.
constexpr int32_t k_level_debug = -4;
constexpr int32_t k_level_info = 0;
constexpr int32_t k_level_warn = 4;
constexpr int32_t k_level_error = 8;

/// A name in any case ("warning" too), an integer, or a name with an offset: "debug+4", "ERROR-2".
Result<int32_t> parse_level(std::string_view text);

/// "INFO", "INFO+2", "DEBUG-3": what parse_level() reads.
std::string level_name(int32_t level);

} // namespace k2s::core
