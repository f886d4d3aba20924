// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "util/result.hpp"

namespace k2s::core {

/// Where a value stands in its file, both counted from 1.
struct Position {
    uint32_t line = 0;
    uint32_t column = 0;
};

/// A parsed file: its values and the place of each, by JSON pointer ("" is the whole document).
struct Document {
    nlohmann::json tree;
    std::map<std::string, Position, std::less<>> positions;
};

enum class DocumentSyntax : uint8_t {
    yaml, ///< YAML 1.2 with the core schema's types and merge keys
    json, ///< RFC 8259, strictly
};

struct DocumentLimits {
    std::size_t depth = 64;     ///< nested sequences and mappings
    std::size_t values = 50000; ///< after aliases are expanded: a few lines can stand for millions
    std::size_t bytes = 16 * 1024 * 1024; ///< text and pointers, aliases expanded
};

/// Exactly one document; an empty one is an empty object. Refused with `name:line:column: reason`
/// (K2S_E_CONFIG): bytes that are not UTF-8, duplicate keys, keys that are not strings, unknown
/// tags, aliases without an anchor, numbers that no double or 64-bit integer holds, and what is
/// beyond the limits.
Result<Document> parse_document(std::string_view text, const std::string &name,
                                DocumentSyntax syntax, const DocumentLimits &limits = {});

/// `pointer` + "/" + key with ~ and / escaped (RFC 6901).
std::string pointer_child(std::string_view pointer, std::string_view key);

} // namespace k2s::core
