// SPDX-License-Identifier: MIT
#include "cli/text.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "util/utf8.hpp"

namespace k2s::core {
namespace {

constexpr std::size_t k_max_quoted = 80;
constexpr std::size_t k_max_suggested = 64;
constexpr char32_t k_replacement = 0xFFFD;

struct Range {
    char32_t first;
    char32_t last;
};

// Unicode 15 East Asian Width W and F, and emoji presentation, in coarse blocks.
constexpr Range k_wide[] = {
    {0x1100, 0x115F},   {0x231A, 0x231B},   {0x2E80, 0x303E},   {0x3041, 0xA4CF},
    {0xA960, 0xA97F},   {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},
    {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},   {0x1F300, 0x1F64F}, {0x1F680, 0x1F6FF},
    {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD},
};

// Combining marks, zero-width characters and variation selectors.
constexpr Range k_zero[] = {
    {0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD}, {0x064B, 0x065F}, {0x1AB0, 0x1AFF},
    {0x1DC0, 0x1DFF}, {0x200B, 0x200F}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F},
};

bool is_in(char32_t c, const auto &ranges) {
    return std::any_of(std::begin(ranges), std::end(ranges),
                       [c](const Range &range) { return c >= range.first && c <= range.last; });
}

/// The length of the well-formed sequence at the start of `text`, 0 if there is none.
std::size_t sequence_length(std::string_view text, char32_t &value) {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
    const unsigned lead = byte(0);
    if (lead < 0x80) {
        value = lead;
        return 1;
    }
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || text.size() < length) {
        return 0;
    }
    value = lead & (0xFFU >> (length + 1));
    for (std::size_t at = 1; at < length; ++at) {
        if ((byte(at) & 0xC0U) != 0x80) {
            return 0;
        }
        value = (value << 6U) | (byte(at) & 0x3FU);
    }
    constexpr char32_t k_least[] = {0, 0, 0x80, 0x800, 0x10000};
    const bool is_surrogate = value >= 0xD800 && value <= 0xDFFF;
    return value < k_least[length] || is_surrogate || value > 0x10FFFF ? 0 : length;
}

bool is_control(char32_t c) {
    // C0, DEL, C1 and the bidirectional controls, which can reorder what is shown.
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x202A && c <= 0x202E) ||
           (c >= 0x2066 && c <= 0x2069);
}

void append_escaped(std::string &to, std::string_view bytes) {
    for (const char byte : bytes) {
        fmt::format_to(std::back_inserter(to), "\\x{:02x}", static_cast<unsigned char>(byte));
    }
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Optimal string alignment (Damerau-Levenshtein without editing a swapped pair again).
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1);
    std::vector<std::size_t> previous(b.size() + 1);
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) {
        previous[j] = j;
    }
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t cost = lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1;
            row[j] = std::min({previous[j] + 1, row[j - 1] + 1, previous[j - 1] + cost});
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                lower(a[i - 2]) == lower(b[j - 1])) {
                row[j] = std::min(row[j], before[j - 2] + 1);
            }
        }
        std::swap(before, previous);
        std::swap(previous, row);
    }
    return previous[b.size()];
}

} // namespace

char32_t next_character(std::string_view &rest) {
    char32_t value = 0;
    const auto length = sequence_length(rest, value);
    rest.remove_prefix(std::max<std::size_t>(length, 1));
    return length == 0 ? k_replacement : value;
}

std::size_t display_width(std::string_view text) {
    std::size_t width = 0;
    while (!text.empty()) {
        const char32_t c = next_character(text);
        width += c < 0x300 ? 1 : is_in(c, k_zero) ? 0 : is_in(c, k_wide) ? 2 : 1;
    }
    return width;
}

std::string printable(std::string_view text, bool multi_line) {
    std::string result;
    result.reserve(text.size());
    while (!text.empty()) {
        char32_t value = 0;
        const auto length = sequence_length(text, value);
        const auto bytes = text.substr(0, std::max<std::size_t>(length, 1));
        if (length == 0 ||
            (is_control(value) && !(multi_line && (value == '\n' || value == '\t')))) {
            append_escaped(result, bytes);
        } else {
            result += bytes;
        }
        text.remove_prefix(bytes.size());
    }
    return result;
}

std::string quote(std::string_view text) {
    const bool is_long = text.size() > k_max_quoted;
    if (is_long) {
        text = text.substr(0, utf8_prefix(text, k_max_quoted));
    }
    return fmt::format("\"{}{}\"", printable(text, false), is_long ? "…" : "");
}

std::vector<std::string> wrap(std::string_view text, std::size_t width) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        const auto newline = text.find('\n');
        auto paragraph = text.substr(0, newline);
        text = newline == std::string_view::npos ? std::string_view() : text.substr(newline + 1);
        if (paragraph.empty() || paragraph.front() == ' ') {
            lines.emplace_back(paragraph);
            continue;
        }
        std::string line;
        std::size_t line_width = 0;
        while (!paragraph.empty()) {
            const auto word = paragraph.substr(0, paragraph.find(' '));
            paragraph.remove_prefix(std::min(word.size() + 1, paragraph.size()));
            if (word.empty()) {
                continue;
            }
            const auto word_width = display_width(word);
            if (!line.empty() && line_width + 1 + word_width > width) {
                lines.push_back(std::exchange(line, {}));
                line_width = 0;
            }
            if (!line.empty()) {
                line += ' ';
                ++line_width;
            }
            line += word;
            line_width += word_width;
        }
        lines.push_back(std::move(line));
    }
    return lines;
}

std::string_view closest(std::string_view word, std::span<const std::string_view> candidates) {
    if (word.empty() || word.size() > k_max_suggested) {
        return {};
    }
    std::size_t best = word.size() < 4 ? 1 : 2;
    std::string_view result;
    for (const auto candidate : candidates) {
        if (candidate.size() > word.size() + best || word.size() > candidate.size() + best) {
            continue;
        }
        const auto edits = distance(word, candidate);
        // For one-letter words every other letter is one edit away, which says nothing.
        if (edits < candidate.size() && (edits < best || (edits == best && result.empty()))) {
            best = edits;
            result = candidate;
        }
    }
    return result;
}

} // namespace k2s::core
