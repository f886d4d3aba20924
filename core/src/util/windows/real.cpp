// SPDX-License-Identifier: MIT
#include "util/real.hpp"

#include <charconv>
#include <cmath>

namespace k2s::core {

std::optional<double> parse_real(std::string_view text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size() && std::isfinite(value)
               ? std::optional(value)
               : std::nullopt;
}

} // namespace k2s::core
