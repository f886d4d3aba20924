// SPDX-License-Identifier: MIT
#include "log/record.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "log/level.hpp"
#include "util/utf8.hpp"

namespace k2s::core {
namespace {

constexpr std::size_t k_max_message = 8 * 1024;
constexpr std::size_t k_max_value = 4 * 1024;
constexpr std::size_t k_max_key = 128;
// What the end of a record may still need: ,"truncated":true}\n and the text form's equivalent.
constexpr std::size_t k_reserve = 32;

constexpr std::string_view k_reserved_keys[] = {
    "time", "level", "msg", "tool", "component", "pid", "correlation_id", "truncated"};

bool is_reserved(std::string_view key) {
    return std::find(std::begin(k_reserved_keys), std::end(k_reserved_keys), key) !=
           std::end(k_reserved_keys);
}

// Escapes C0 and C1 controls and DEL (all of them drive terminals), quotes and backslashes when
// `quoted`; replaces what is not UTF-8. The result is valid inside a JSON string.
void append_escaped(std::string &out, std::string_view text, std::size_t max, bool quoted) {
    const bool cut = text.size() > max;
    text = text.substr(0, utf8_prefix(text, max));
    std::string repaired;
    if (!valid_utf8(text)) {
        repaired = lossy_utf8(text);
        text = repaired;
    }
    for (std::size_t at = 0; at < text.size(); ++at) {
        const auto byte = static_cast<unsigned char>(text[at]);
        if (byte >= 0x20 && byte != 0x7F && byte != '"' && byte != '\\' && byte != 0xC2) {
            out += text[at];
        } else if (byte == '"' || byte == '\\') {
            if (quoted) {
                out += '\\';
            }
            out += text[at];
        } else if (byte == '\n') {
            out += "\\n";
        } else if (byte == '\r') {
            out += "\\r";
        } else if (byte == '\t') {
            out += "\\t";
        } else if (byte == 0xC2 && static_cast<unsigned char>(text[at + 1]) < 0xA0) {
            ++at;
            fmt::format_to(std::back_inserter(out), "\\u{:04x}",
                           static_cast<unsigned>(static_cast<unsigned char>(text[at])));
        } else if (byte == 0xC2) {
            out += text[at];
        } else {
            fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(byte));
        }
    }
    if (cut) {
        out += "\xE2\x80\xA6"; // …
    }
}

void append_quoted(std::string &out, std::string_view text, std::size_t max) {
    out += '"';
    append_escaped(out, text, max, true);
    out += '"';
}

// On one line and with nothing but what JSON needs; text that is no JSON becomes a string.
void append_json_text(std::string &out, std::string_view text) {
    if (text.size() <= k_max_value) {
        const auto value = nlohmann::json::parse(text, nullptr, false);
        if (!value.is_discarded()) {
            out += value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
            return;
        }
    }
    append_quoted(out, text, k_max_value);
}

void append_value(std::string &out, const Field::Value &value, bool json) {
    if (const auto *text = std::get_if<std::string_view>(&value)) {
        // In text form only what would be ambiguous is quoted.
        const bool plain = !json && !text->empty() &&
                           text->find_first_of(" \"\\=\t\r\n") == std::string_view::npos;
        plain ? append_escaped(out, *text, k_max_value, false)
              : append_quoted(out, *text, k_max_value);
    } else if (const auto *raw = std::get_if<JsonText>(&value)) {
        append_json_text(out, raw->text);
    } else if (const auto *number = std::get_if<double>(&value)) {
        // JSON has no word for them.
        if (std::isfinite(*number)) {
            fmt::format_to(std::back_inserter(out), "{}", *number);
        } else {
            out += std::isnan(*number) ? "\"NaN\"" : *number > 0 ? "\"Infinity\"" : "\"-Infinity\"";
        }
    } else if (const auto *flag = std::get_if<bool>(&value)) {
        out += *flag ? "true" : "false";
    } else if (const auto *big = std::get_if<uint64_t>(&value)) {
        fmt::format_to(std::back_inserter(out), "{}", *big);
    } else {
        fmt::format_to(std::back_inserter(out), "{}", std::get<int64_t>(value));
    }
}

// Adds the fields that fit; false when some did not.
template <class AppendOne>
bool append_fields(std::string &out, std::size_t start, std::span<const Field> fields,
                   AppendOne append_one) {
    for (const Field &field : fields) {
        const std::size_t before = out.size();
        append_one(field);
        if (out.size() - start > k_max_record - k_reserve) {
            out.resize(before);
            return false;
        }
    }
    return true;
}

void json_member(std::string &out, std::string_view key, std::string_view value) {
    if (!value.empty()) {
        out += ",\"";
        out += key;
        out += "\":";
        append_quoted(out, value, k_max_key);
    }
}

std::string_view colour_of(int32_t level) {
    if (level >= k_level_error) {
        return "\x1b[31m";
    }
    if (level >= k_level_warn) {
        return "\x1b[33m";
    }
    return level >= k_level_info ? "\x1b[32m" : "\x1b[36m";
}

} // namespace

void append_time(std::string &out, int64_t time_us) {
    using namespace std::chrono;
    const sys_time<microseconds> time{microseconds(time_us)};
    const auto day = floor<days>(time);
    const year_month_day date{day};
    const hh_mm_ss clock{time - day};
    fmt::format_to(std::back_inserter(out), "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z",
                   static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                   static_cast<unsigned>(date.day()), clock.hours().count(),
                   clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

void append_json(std::string &out, const Record &record) {
    const std::size_t start = out.size();
    out += "{\"time\":\"";
    append_time(out, record.time_us);
    out += "\",\"level\":\"";
    out += level_name(record.level);
    out += "\",\"msg\":";
    append_quoted(out, record.message, k_max_message);
    json_member(out, "tool", record.tool);
    json_member(out, "component", record.component);
    if (record.pid != 0) {
        fmt::format_to(std::back_inserter(out), ",\"pid\":{}", record.pid);
    }
    json_member(out, "correlation_id", record.correlation);
    // A message of control characters alone grows sixfold: then there is no room for fields at all.
    if (out.size() - start > k_max_record - k_reserve) {
        out.resize(start);
        Record shorter = record;
        shorter.message = record.message.substr(0, utf8_prefix(record.message, k_max_message / 8));
        append_json(out, shorter);
        return;
    }
    const bool whole = append_fields(out, start, record.fields, [&](const Field &field) {
        out += ",\"";
        if (is_reserved(field.key)) {
            out += "field_";
        }
        append_escaped(out, field.key, k_max_key, true);
        out += "\":";
        append_value(out, field.value, true);
    });
    out += whole ? "}\n" : ",\"truncated\":true}\n";
}

void append_text(std::string &out, const Record &record, bool colour) {
    const std::size_t start = out.size();
    append_time(out, record.time_us);
    out += ' ';
    const std::string level = level_name(record.level);
    out += colour ? colour_of(record.level) : std::string_view{};
    out += level;
    out += colour ? std::string_view("\x1b[0m") : std::string_view{};
    out.append(level.size() < 5 ? 5 - level.size() : 0, ' ');
    out += ' ';
    if (!record.component.empty()) {
        append_escaped(out, record.component, k_max_key, false);
        out += ": ";
    }
    append_escaped(out, record.message, k_max_message / 4, false);
    const bool whole = append_fields(out, start, record.fields, [&](const Field &field) {
        out += ' ';
        append_escaped(out, field.key, k_max_key, false);
        out += '=';
        append_value(out, field.value, false);
    });
    out += whole ? "\n" : " truncated=true\n";
}

} // namespace k2s::core
