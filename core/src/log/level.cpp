// SPDX-License-Identifier: MIT
#include "log/level.hpp"

#include <charconv>
#include <utility>

#include "util/utf8.hpp"

namespace k2s::core {
namespace {

struct Name {
    std::string_view text;
    int32_t level;
};

constexpr Name k_names[] = {
    {"debug", k_level_debug}, {"info", k_level_info},   {"warning", k_level_warn},
    {"warn", k_level_warn},   {"error", k_level_error},
};

bool starts_with_ignoring_case(std::string_view text, std::string_view lower) {
    if (text.size() < lower.size()) {
        return false;
    }
    for (std::size_t at = 0; at < lower.size(); ++at) {
        const char c = text[at];
        if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c) != lower[at]) {
            return false;
        }
    }
    return true;
}

bool parse_number(std::string_view text, int32_t &value) {
    if (text.size() > 1 && text[0] == '+' && text[1] != '-') {
        text.remove_prefix(1);
    }
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() && value > -1000000 &&
           value < 1000000;
}

} // namespace

Result<int32_t> parse_level(std::string_view text) {
    int32_t value = 0;
    if (parse_number(text, value)) {
        return value;
    }
    for (const Name &name : k_names) {
        if (!starts_with_ignoring_case(text, name.text)) {
            continue;
        }
        const std::string_view rest = text.substr(name.text.size());
        if (rest.empty()) {
            return name.level;
        }
        if ((rest[0] == '+' || rest[0] == '-') && parse_number(rest, value)) {
            return name.level + value;
        }
    }
    return fail(K2S_E_USAGE,
                "\"{}\" is not a log level; use debug, info, warn, error, an integer (debug is -4, "
                "info 0, warn 4, error 8) or a name with an offset such as debug+2",
                lossy_utf8(text.substr(0, 64)));
}

std::string level_name(int32_t level) {
    std::string_view name = "DEBUG";
    int32_t base = k_level_debug;
    if (level >= k_level_error) {
        name = "ERROR";
        base = k_level_error;
    } else if (level >= k_level_warn) {
        name = "WARN";
        base = k_level_warn;
    } else if (level >= k_level_info) {
        name = "INFO";
        base = k_level_info;
    }
    return level == base ? std::string(name) : fmt::format("{}{:+}", name, level - base);
}

} // namespace k2s::core
