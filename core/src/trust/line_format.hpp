// SPDX-License-Identifier: MIT
/// \file
/// Lines of tab-separated fields: what is read at each start is no JSON.
#pragma once

#include <charconv>
#include <string>
#include <string_view>

#include "trust/identity.hpp"

namespace k2s::core::trust {

/// With a tab behind it; control characters are written as %xx.
inline void append_text(std::string &line, std::string_view text) {
    for (unsigned char c : text) {
        if (c < 0x20 || c == '%' || c == 0x7f) {
            line += fmt::format("%{:02x}", c);
        } else {
            line.push_back(static_cast<char>(c));
        }
    }
    line.push_back('\t');
}

inline bool parse_text(std::string_view field, std::string &text) {
    text.clear();
    for (std::size_t at = 0; at < field.size(); ++at) {
        if (field[at] != '%') {
            text.push_back(field[at]);
            continue;
        }
        unsigned value = 0;
        const char *digits = field.data() + at + 1;
        if (at + 2 >= field.size() ||
            std::from_chars(digits, digits + 2, value, 16).ptr != digits + 2) {
            return false;
        }
        text.push_back(static_cast<char>(value));
        at += 2;
    }
    return true;
}

template <class Number> bool parse_number(std::string_view field, Number &number) {
    const auto *end = field.data() + field.size();
    const auto parsed = std::from_chars(field.data(), end, number);
    return parsed.ec == std::errc() && parsed.ptr == end;
}

/// Takes the text up to the next tab off the line; false when there is no tab.
inline bool next_field(std::string_view &line, std::string_view &field) {
    const auto end = line.find('\t');
    if (end == std::string_view::npos) {
        return false;
    }
    field = line.substr(0, end);
    line.remove_prefix(end + 1);
    return true;
}

constexpr std::size_t k_identity_fields = 6;

inline void append_identity(std::string &line, const FileIdentity &identity) {
    line += fmt::format("{}\t{}\t{}\t{}\t{}\t{}\t", identity.device, identity.file,
                        identity.file_high, identity.size, identity.modified, identity.changed);
}

/// `fields` are k_identity_fields.
inline bool parse_identity(const std::string_view *fields, FileIdentity &identity) {
    return parse_number(fields[0], identity.device) && parse_number(fields[1], identity.file) &&
           parse_number(fields[2], identity.file_high) && parse_number(fields[3], identity.size) &&
           parse_number(fields[4], identity.modified) && parse_number(fields[5], identity.changed);
}

} // namespace k2s::core::trust
