// SPDX-License-Identifier: MIT
/// \file
/// JSON from outside, read with bounds that the library itself has not.
#pragma once

#include <cstddef>
#include <string_view>

#include <nlohmann/json.hpp>

#include "util/result.hpp"

namespace k2s::core {

struct JsonLimits {
    std::size_t bytes;
    std::size_t depth = 32;
};

/// One JSON text (RFC 8259, UTF-8, no comments). Refused besides syntax errors: more bytes or
/// deeper nesting than the limits, and two members of one object with the same name, of which
/// parsers pick one or the other. Messages start with `name`. K2S_E_CONFIG.
Result<nlohmann::json> parse_json(std::string_view text, std::string_view name, JsonLimits limits);

} // namespace k2s::core
