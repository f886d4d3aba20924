// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace k2s::yaml2json {

enum class ScalarType : uint8_t { null, boolean, integer, floating, non_finite, string };

/// What a plain scalar means in the core schema of YAML 1.2 (specification 10.3.2). With
/// `yaml11_booleans`, yes/no/on/off in YAML 1.1's spellings are booleans too.
ScalarType classify(std::string_view text, bool yaml11_booleans) noexcept;

/// For a text that classify() calls boolean.
bool boolean_value(std::string_view text) noexcept;

/// True when the text of an integer or float is a JSON number as it stands.
bool is_json_number(std::string_view text) noexcept;

/// The JSON number with exactly the value of an integer or float in any of YAML's spellings: the
/// decimal digits are kept, signs and zeros that JSON forbids go, 0x and 0o become decimal.
/// nullopt for a hexadecimal or octal number too long to convert (over 4096 digits).
std::optional<std::string> json_number(std::string_view text);

} // namespace k2s::yaml2json
