// SPDX-License-Identifier: MIT
/// \file
/// From the text of an option or argument to its typed value.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "cli/cli.hpp"

namespace k2s::core {

/// The error's message says what was expected and found; the caller names the option. K2S_E_USAGE.
Result<Scalar> convert(ValueType type, std::span<const std::string> choices, std::string_view text);

/// Checks and converts a default of a manifest: booleans and numbers as JSON ones, everything else
/// as text. The empty text is allowed for every textual type and means "off".
Result<Item> convert_default(const Option &option, const nlohmann::json &value);

/// "1m30s", "500ms", "7d": decimal numbers with units ns us µs ms s m h d w; nanoseconds.
std::optional<int64_t> parse_duration(std::string_view text);

/// "64KiB", "10M", "512": units of 1024 (K, KiB, M, …, T) or of 1000 (kB, KB, MB, …); bytes.
std::optional<int64_t> parse_size(std::string_view text);

/// As Go's strconv.ParseBool: 1 t T true TRUE True 0 f F false FALSE False.
std::optional<bool> parse_bool(std::string_view text);

} // namespace k2s::core
