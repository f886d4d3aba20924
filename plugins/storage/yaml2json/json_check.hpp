// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace k2s::yaml2json {

struct JsonFault {
    size_t offset = 0;
    std::string_view reason;
};

/// Whether a text is one JSON value (RFC 8259), with blanks around it, or blanks alone. The parser
/// behind it reads YAML, to which nearly everything is a value: `{a: 1,}`, `[01, yes]`; and
/// nlohmann_json refuses numbers that no double holds, which are kept exact here. Needs no stack,
/// and memory of one bit for each open bracket.
std::optional<JsonFault> check_json(std::string_view text);

} // namespace k2s::yaml2json
