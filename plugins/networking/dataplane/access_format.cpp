// SPDX-License-Identifier: MIT
#include "access_log.hpp"

#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>

#include "common/text.hpp"

namespace k2s::dataplane {
namespace {

constexpr char k_hex[] = "0123456789abcdef";

void append_number(std::string &out, uint64_t value) {
    char digits[24];
    const auto [end, ec] = std::to_chars(digits, digits + sizeof digits, value);
    static_cast<void>(ec);
    out.append(digits, end);
}

bool is_plain(unsigned char c) noexcept {
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/// \" and \\; every other special byte as two hexadecimal digits behind `mark`.
void append_escaped(std::string &out, std::string_view text, std::string_view mark) {
    for (const char each : text) {
        const auto c = static_cast<unsigned char>(each);
        if (is_plain(c)) {
            out += each;
        } else if (c == '"' || c == '\\') {
            out += '\\';
            out += each;
        } else {
            out += mark;
            out += k_hex[c >> 4];
            out += k_hex[c & 15];
        }
    }
}

/// As Apache does it.
void append_quoted(std::string &out, std::string_view text) {
    append_escaped(out, text, "\\x");
}

/// Bytes beyond ASCII are taken for Latin-1: nothing is lost, and the line is ASCII.
void append_json_text(std::string &out, std::string_view text) {
    out += '"';
    append_escaped(out, text, "\\u00");
    out += '"';
}

struct BrokenDownTime {
    std::chrono::year_month_day day;
    std::chrono::hh_mm_ss<std::chrono::milliseconds> time;
};

BrokenDownTime utc(std::chrono::system_clock::time_point at) {
    const auto day = std::chrono::floor<std::chrono::days>(at);
    return {std::chrono::year_month_day(day),
            std::chrono::hh_mm_ss(std::chrono::floor<std::chrono::milliseconds>(at - day))};
}

void append_clf_time(std::string &out, std::chrono::system_clock::time_point at) {
    static constexpr std::array k_months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const BrokenDownTime t = utc(at);
    char text[64];
    std::snprintf(
        text, sizeof text, "[%02u/%s/%04d:%02d:%02d:%02d +0000]",
        static_cast<unsigned>(t.day.day()), k_months[static_cast<unsigned>(t.day.month()) - 1],
        static_cast<int>(t.day.year()), static_cast<int>(t.time.hours().count()),
        static_cast<int>(t.time.minutes().count()), static_cast<int>(t.time.seconds().count()));
    out += text;
}

void append_iso_time(std::string &out, std::chrono::system_clock::time_point at) {
    const BrokenDownTime t = utc(at);
    char text[64];
    std::snprintf(
        text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(t.day.year()),
        static_cast<unsigned>(t.day.month()), static_cast<unsigned>(t.day.day()),
        static_cast<int>(t.time.hours().count()), static_cast<int>(t.time.minutes().count()),
        static_cast<int>(t.time.seconds().count()), static_cast<int>(t.time.subseconds().count()));
    out += text;
}

/// The address alone: the first column of the common format is a host.
std::string_view without_port(std::string_view client) {
    if (client.starts_with('[')) {
        return client.substr(1, client.find(']') - 1);
    }
    return client.substr(0, client.rfind(':'));
}

void append_or_dash(std::string &out, std::string_view text) {
    append_quoted(out, text.empty() ? std::string_view("-") : text);
}

void append_common(std::string &out, const AccessRecord &record) {
    append_or_dash(out, without_port(record.client));
    out += " - - ";
    append_clf_time(out, record.start);
    out += " \"";
    append_or_dash(out, record.method);
    out += ' ';
    append_or_dash(out, record.target);
    if (!record.protocol.empty()) {
        out += ' ';
        append_quoted(out, record.protocol);
    }
    out += "\" ";
    if (record.status == 0) {
        out += '-';
    } else {
        append_number(out, record.status);
    }
    out += ' ';
    append_number(out, record.bytes_out);
}

void append_member(std::string &out, std::string_view name, std::string_view text) {
    if (!text.empty()) {
        out += ",\"";
        out += name;
        out += "\":";
        append_json_text(out, text);
    }
}

void append_member(std::string &out, std::string_view name, uint64_t value) {
    out += ",\"";
    out += name;
    out += "\":";
    append_number(out, value);
}

void append_json(std::string &out, const AccessRecord &record) {
    out += "{\"time\":\"";
    append_iso_time(out, record.start);
    out += '"';
    append_member(out, "client", record.client);
    append_member(out, "method", record.method);
    append_member(out, "target", record.target);
    append_member(out, "protocol", record.protocol);
    append_member(out, "status", record.status);
    append_member(out, "bytes_in", record.bytes_in);
    append_member(out, "bytes_out", record.bytes_out);
    append_member(out, "us", static_cast<uint64_t>(record.duration.count()));
    append_member(out, "route", record.route);
    append_member(out, "problem", record.problem);
    append_member(out, "referer", record.referer);
    append_member(out, "user_agent", record.user_agent);
    out += '}';
}

} // namespace

void format_access(std::string &out, const AccessRecord &record, AccessLogSettings::Format format) {
    if (format == AccessLogSettings::Format::json) {
        append_json(out, record);
    } else {
        append_common(out, record);
        if (format == AccessLogSettings::Format::combined) {
            out += " \"";
            append_or_dash(out, record.referer);
            out += "\" \"";
            append_or_dash(out, record.user_agent);
            out += '"';
        }
    }
    out += '\n';
}

} // namespace k2s::dataplane
