// SPDX-License-Identifier: MIT
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// ASCII text as HTTP defines it: never depends on a locale.
namespace k2s {

constexpr char ascii_lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

constexpr bool ascii_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

constexpr bool ascii_alnum(char c) noexcept {
    return ascii_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
}

constexpr bool iequals(std::string_view a, std::string_view b) noexcept {
    if (a.size() != b.size()) {
        return false;
    }
    for (size_t i = 0; i < a.size(); ++i) {
        if (ascii_lower(a[i]) != ascii_lower(b[i])) {
            return false;
        }
    }
    return true;
}

inline std::string to_lower(std::string_view text) {
    std::string out(text);
    for (char &c : out) {
        c = ascii_lower(c);
    }
    return out;
}

/// Without leading and trailing SP and HTAB (the OWS of RFC 9110 5.6.3).
constexpr std::string_view trim(std::string_view text) noexcept {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
        text.remove_prefix(1);
    }
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) {
        text.remove_suffix(1);
    }
    return text;
}

/// Decimal digits only, no sign, the whole text.
template <typename T> std::optional<T> parse_decimal(std::string_view text) noexcept {
    T value{};
    if (text.empty() || !ascii_digit(text.front())) {
        return std::nullopt;
    }
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

/// Calls `each(item)` for every non-empty trimmed item of a comma-separated list.
template <typename Each> void for_each_item(std::string_view list, Each each) {
    while (!list.empty()) {
        const size_t comma = list.find(',');
        const std::string_view item = trim(list.substr(0, comma));
        if (!item.empty()) {
            each(item);
        }
        list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
    }
}

} // namespace k2s
