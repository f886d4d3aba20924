// SPDX-License-Identifier: MIT
#include "source.hpp"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "unicode.hpp"

namespace k2s::yaml2json {
namespace {

// An error message has 512 bytes on its way through the ABI: the source line gets a window of it.
constexpr size_t k_window_bytes = 100;
constexpr size_t k_before_caret = 60;

bool is_continuation(char c) noexcept {
    return (static_cast<uint8_t>(c) & 0xC0) == 0x80;
}

uint64_t count_code_points(std::string_view text) noexcept {
    return static_cast<uint64_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return !is_continuation(c); }));
}

/// The offset behind the line break that starts at `i`, or npos when there is none at `i`.
size_t after_break(std::string_view text, size_t i) noexcept {
    if (text[i] == '\n') {
        return i + 1;
    }
    if (text[i] == '\r') {
        return i + 1 < text.size() && text[i + 1] == '\n' ? i + 2 : i + 1;
    }
    return std::string_view::npos;
}

std::string describe_forbidden(std::string_view rest) {
    const auto byte = static_cast<uint8_t>(rest[0]);
    if (byte == 0) {
        return "NUL byte: this is not a text file, or it is damaged";
    }
    if (byte < 0x20) {
        return fmt::format("control character 0x{:02x} is not allowed in YAML; write it as "
                           "\"\\x{:02x}\" in a double-quoted scalar",
                           byte, byte);
    }
    return fmt::format("byte 0x{:02x} is not valid UTF-8; save the file as UTF-8", byte);
}

} // namespace

std::expected<Source, Error> Source::open(std::string_view bytes, std::string_view name,
                                          const Limits &limits, uint64_t lines_before) {
    constexpr uint64_t k_offset_limit = UINT32_MAX - 1; // offsets are kept in 32 bits
    const uint64_t limit = std::min(limits.input_bytes, k_offset_limit);
    Source source;
    source.name_ = name;
    source.lines_before_ = lines_before;
    if (bytes.size() > limit) {
        return std::unexpected(Error{
            K2S_E_NO_MEMORY, fmt::format("{}: the input has {} bytes, the limit is {}; raise the "
                                         "limit or split the file",
                                         name, bytes.size(), limit)});
    }
    const auto detected = detect_encoding(bytes);
    source.borrowed_ = bytes.substr(detected.mark_bytes);
    if (detected.encoding != Encoding::utf8) {
        std::string text;
        const size_t bad = transcode(source.borrowed_, detected.encoding, text);
        if (bad != std::string_view::npos) {
            return std::unexpected(
                Error{K2S_E_FAILED,
                      fmt::format("{}: malformed {} at byte {}; save the file as UTF-8", name,
                                  encoding_name(detected.encoding), bad + detected.mark_bytes)});
        }
        if (text.size() > limit) {
            return std::unexpected(Error{
                K2S_E_NO_MEMORY, fmt::format("{}: the input has {} bytes as UTF-8, the limit is "
                                             "{}; raise the limit or split the file",
                                             name, text.size(), limit)});
        }
        source.borrowed_ = {};
        source.converted_ = std::move(text);
    }
    if (auto checked = source.check_characters(); !checked) {
        return std::unexpected(std::move(checked.error()));
    }
    if (auto checked = source.check_lines(limits.line_indicators); !checked) {
        return std::unexpected(std::move(checked.error()));
    }
    return source;
}

std::expected<void, Error> Source::check_characters() const {
    const size_t bad = find_forbidden(text());
    if (bad != std::string_view::npos) {
        return std::unexpected(error_at(bad, describe_forbidden(text().substr(bad))));
    }
    return {};
}

// The parser queues every token of a line until it knows whether a flow collection that began in
// this line is a key: some 400 bytes per token, so a huge minified JSON file would exhaust the
// memory. Only lines long enough to matter are looked at.
std::expected<void, Error> Source::check_lines(uint32_t max_indicators) const {
    const std::string_view all = text();
    for (size_t begin = 0; begin < all.size();) {
        const size_t end = std::min(all.find('\n', begin), all.size());
        if (end - begin > max_indicators) {
            uint64_t count = 0;
            for (size_t i = begin; i < end; ++i) {
                const char c = all[i];
                count += c == '[' || c == ']' || c == '{' || c == '}' || c == ',' || c == ':';
                if (count > max_indicators) {
                    return std::unexpected(error_at(
                        i,
                        fmt::format("this line has more than {} flow indicators ([ ] {{ }} , :); "
                                    "break it into lines or raise the limit",
                                    max_indicators),
                        K2S_E_NO_MEMORY));
                }
            }
        }
        begin = end + 1;
    }
    return {};
}

Source::Place Source::locate(size_t offset) const noexcept {
    const std::string_view all = text();
    Place place;
    for (size_t i = 0; i < offset && i < all.size();) {
        const size_t next = after_break(all, i);
        if (next == std::string_view::npos) {
            ++i;
        } else if (next <= offset) {
            ++place.line;
            place.line_begin = i = next;
        } else {
            break;
        }
    }
    return place;
}

Error Source::error_at(size_t offset, std::string_view reason, int32_t code) const {
    offset = std::min(offset, text().size());
    const auto [line, line_begin] = locate(offset);
    const uint64_t column = count_code_points(text().substr(line_begin, offset - line_begin)) + 1;
    return format(line, column, line_begin, reason, code);
}

Error Source::error_at(uint64_t line, uint64_t column, std::string_view reason) const {
    const std::string_view all = text();
    uint64_t current = 1;
    size_t line_begin = 0;
    for (size_t i = 0; i < all.size() && current < line;) {
        const size_t next = after_break(all, i);
        if (next == std::string_view::npos) {
            ++i;
        } else {
            ++current;
            line_begin = i = next;
        }
    }
    return format(current, column, line_begin, reason, K2S_E_FAILED);
}

Error Source::format(uint64_t line, uint64_t column, size_t line_begin, std::string_view reason,
                     int32_t code) const {
    const std::string_view rest = text().substr(line_begin);
    const std::string_view source_line = rest.substr(0, rest.find_first_of("\r\n"));

    size_t caret = 0; // the byte of `source_line` under which the caret stands
    for (uint64_t left = column - 1; left > 0 && caret < source_line.size(); --left) {
        do {
            ++caret;
        } while (caret < source_line.size() && is_continuation(source_line[caret]));
    }
    size_t from = caret > k_before_caret ? caret - k_before_caret : 0;
    while (from > 0 && is_continuation(source_line[from])) {
        --from;
    }
    size_t to = std::min(source_line.size(), from + k_window_bytes);
    while (to > from && to < source_line.size() && is_continuation(source_line[to])) {
        --to;
    }

    // The line may itself be what is malformed: what a terminal cannot show becomes '?'.
    std::string shown;
    std::string padding;
    for (size_t i = from; i < to;) {
        const size_t length = utf8_sequence(source_line.substr(i, to - i));
        const auto byte = static_cast<uint8_t>(source_line[i]);
        const bool printable = length != 0 && (byte >= 0x20 || byte == '\t') && byte != 0x7F;
        if (printable) {
            shown.append(source_line.substr(i, length));
        } else {
            shown.push_back('?');
        }
        if (i < caret) {
            padding.push_back(byte == '\t' ? '\t' : ' ');
        }
        i += length == 0 ? 1 : length;
    }
    return {code, fmt::format("{}:{}:{}: {}\n{}{}\n{}^", name_, lines_before_ + line, column,
                              reason, shown, to < source_line.size() ? "…" : "", padding)};
}

} // namespace k2s::yaml2json
