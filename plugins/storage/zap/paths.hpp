// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include "dir.hpp"

namespace k2s::zap {

/// The path that a UTF-8 text (on Linux: bytes) names.
fs::path path_of(std::string_view text);

} // namespace k2s::zap
