// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string_view>

namespace k2s::core {

/// A decimal number such as -1.5e3, in every locale. Nothing for other texts (a "+" in front,
/// infinities, hexadecimal) and for what a double cannot hold.
std::optional<double> parse_real(std::string_view text);

} // namespace k2s::core
