// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace k2s::core {

/// JSON that is already text; it is checked, and written as a string when it is none.
struct JsonText {
    std::string_view text;
};

/// One structured value of a log record. Everything is borrowed for the call.
struct Field {
    using Value = std::variant<std::string_view, int64_t, uint64_t, double, bool, JsonText>;
    std::string_view key;
    Value value;
};

struct Record {
    int64_t time_us = 0; ///< microseconds since 1970, UTC
    int32_t level = 0;
    int64_t pid = 0;
    std::string_view tool;
    std::string_view component;
    std::string_view correlation;
    std::string_view message;
    std::span<const Field> fields;
};

/// No formatted record is longer than this, its newline included; a longer one loses its last
/// fields and says so ("truncated").
constexpr std::size_t k_max_record = 16 * 1024;

/// Appends one JSON object and a newline. Control characters are escaped, bytes that are not UTF-8
/// replaced; keys of the record itself (time, level, msg, …) get "field_" in front when a field
/// uses them.
void append_json(std::string &out, const Record &record);

/// Appends one line for a person: `2026-11-22T22:09:16.123456Z INFO  component: message key=value`.
/// Escapes what could drive a terminal.
void append_text(std::string &out, const Record &record, bool colour);

/// RFC 3339, UTC, microseconds.
void append_time(std::string &out, int64_t time_us);

} // namespace k2s::core
