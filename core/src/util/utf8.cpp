// SPDX-License-Identifier: MIT
#include "util/utf8.hpp"

#include <cstdint>
#include <cstring>

namespace k2s::core {
namespace {

struct Step {
    std::size_t length; // bytes consumed, at least 1
    char32_t value;
    bool good;
};

bool in_range(unsigned char byte, unsigned char low, unsigned char high) {
    return byte >= low && byte <= high;
}

// One character at `at`. For an ill-formed one, `length` covers the maximal subpart (Unicode 3.9),
// which is what every decoder replaces by a single U+FFFD.
Step decode(std::string_view text, std::size_t at, bool surrogates) noexcept {
    const auto byte = [&](std::size_t index) {
        return index < text.size() ? static_cast<unsigned char>(text[index]) : 0U;
    };
    const unsigned char lead = static_cast<unsigned char>(text[at]);
    if (lead < 0x80) {
        return {1, lead, true};
    }
    std::size_t more = 0;
    unsigned char low = 0x80;
    unsigned char high = 0xBF;
    char32_t value = 0;
    if (in_range(lead, 0xC2, 0xDF)) {
        more = 1;
        value = lead & 0x1FU;
    } else if (in_range(lead, 0xE0, 0xEF)) {
        more = 2;
        value = lead & 0x0FU;
        low = lead == 0xE0 ? 0xA0 : 0x80;
        high = lead == 0xED && !surrogates ? 0x9F : 0xBF;
    } else if (in_range(lead, 0xF0, 0xF4)) {
        more = 3;
        value = lead & 0x07U;
        low = lead == 0xF0 ? 0x90 : 0x80;
        high = lead == 0xF4 ? 0x8F : 0xBF;
    } else {
        return {1, 0xFFFD, false};
    }
    for (std::size_t index = 1; index <= more; ++index) {
        const auto next = static_cast<unsigned char>(byte(at + index));
        if (at + index >= text.size() || !in_range(next, low, high)) {
            return {index, 0xFFFD, false};
        }
        value = (value << 6U) | (next & 0x3FU);
        low = 0x80;
        high = 0xBF;
    }
    return {more + 1, value, true};
}

void append(std::string &out, char32_t value) {
    if (value < 0x80) {
        out += static_cast<char>(value);
    } else if (value < 0x800) {
        out += static_cast<char>(0xC0 | (value >> 6));
        out += static_cast<char>(0x80 | (value & 0x3F));
    } else if (value < 0x10000) {
        out += static_cast<char>(0xE0 | (value >> 12));
        out += static_cast<char>(0x80 | ((value >> 6) & 0x3F));
        out += static_cast<char>(0x80 | (value & 0x3F));
    } else {
        out += static_cast<char>(0xF0 | (value >> 18));
        out += static_cast<char>(0x80 | ((value >> 12) & 0x3F));
        out += static_cast<char>(0x80 | ((value >> 6) & 0x3F));
        out += static_cast<char>(0x80 | (value & 0x3F));
    }
}

} // namespace

std::optional<std::size_t> utf8_error(std::string_view text) noexcept {
    std::size_t at = 0;
    while (at < text.size()) {
        // Eight ASCII bytes at a time: nearly all configuration and log text is ASCII.
        std::uint64_t block = 0;
        while (text.size() - at >= sizeof block) {
            std::memcpy(&block, text.data() + at, sizeof block);
            if ((block & 0x8080808080808080ULL) != 0) {
                break;
            }
            at += sizeof block;
        }
        if (at == text.size()) {
            break;
        }
        const Step step = decode(text, at, false);
        if (!step.good) {
            return at;
        }
        at += step.length;
    }
    return std::nullopt;
}

std::string lossy_utf8(std::string_view text) {
    auto bad = utf8_error(text);
    if (!bad) {
        return std::string(text);
    }
    std::string out(text.substr(0, *bad));
    for (std::size_t at = *bad; at < text.size();) {
        const Step step = decode(text, at, false);
        if (step.good) {
            out += text.substr(at, step.length);
        } else {
            append(out, 0xFFFD);
        }
        at += step.length;
    }
    return out;
}

std::size_t utf8_prefix(std::string_view text, std::size_t max) noexcept {
    if (text.size() <= max) {
        return text.size();
    }
    std::size_t end = max;
    // A character has at most three continuation bytes; more of them are not UTF-8 and cut
    // anywhere.
    while (end > 0 && max - end < 4 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
        --end;
    }
    return max - end < 4 ? end : max;
}

std::string wtf8_from_utf16(std::u16string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size(); ++at) {
        char32_t value = text[at];
        if (value >= 0xD800 && value <= 0xDBFF && at + 1 < text.size() && text[at + 1] >= 0xDC00 &&
            text[at + 1] <= 0xDFFF) {
            value = 0x10000 + ((value - 0xD800) << 10) + (text[at + 1] - 0xDC00U);
            ++at;
        }
        append(out, value);
    }
    return out;
}

std::u16string utf16_from_wtf8(std::string_view text) {
    std::u16string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        const Step step = decode(text, at, true);
        if (step.value >= 0x10000) {
            out += static_cast<char16_t>(0xD800 + ((step.value - 0x10000) >> 10));
            out += static_cast<char16_t>(0xDC00 + ((step.value - 0x10000) & 0x3FF));
        } else {
            out += static_cast<char16_t>(step.value);
        }
        at += step.length;
    }
    return out;
}

} // namespace k2s::core
