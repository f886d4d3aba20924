// SPDX-License-Identifier: MIT
#include "unicode.hpp"

#include <cstring>

namespace k2s::yaml2json {
namespace {

uint8_t byte_at(std::string_view text, size_t i) noexcept {
    return static_cast<uint8_t>(text[i]);
}

bool starts_with(std::string_view bytes, std::initializer_list<int> prefix) noexcept {
    if (bytes.size() < prefix.size()) {
        return false;
    }
    size_t i = 0;
    for (const int expected : prefix) {
        if (byte_at(bytes, i++) != expected) {
            return false;
        }
    }
    return true;
}

char32_t unit16(std::string_view bytes, size_t i, bool big) noexcept {
    const char32_t a = byte_at(bytes, i);
    const char32_t b = byte_at(bytes, i + 1);
    return big ? a << 8 | b : b << 8 | a;
}

char32_t unit32(std::string_view bytes, size_t i, bool big) noexcept {
    const char32_t a = unit16(bytes, i, big);
    const char32_t b = unit16(bytes, i + 2, big);
    return big ? a << 16 | b : b << 16 | a;
}

bool is_surrogate(char32_t unit) noexcept {
    return unit >= 0xD800 && unit <= 0xDFFF;
}

size_t transcode16(std::string_view bytes, bool big, std::string &to) {
    for (size_t i = 0; i < bytes.size(); i += 2) {
        if (bytes.size() - i < 2) {
            return i;
        }
        char32_t code_point = unit16(bytes, i, big);
        if (is_surrogate(code_point)) {
            if (code_point >= 0xDC00 || bytes.size() - i < 4) {
                return i;
            }
            const char32_t low = unit16(bytes, i + 2, big);
            if (low < 0xDC00 || low > 0xDFFF) {
                return i;
            }
            code_point = 0x10000 + ((code_point - 0xD800) << 10) + (low - 0xDC00);
            i += 2;
        }
        append_utf8(to, code_point);
    }
    return std::string_view::npos;
}

size_t transcode32(std::string_view bytes, bool big, std::string &to) {
    for (size_t i = 0; i < bytes.size(); i += 4) {
        if (bytes.size() - i < 4) {
            return i;
        }
        const char32_t code_point = unit32(bytes, i, big);
        if (code_point > 0x10FFFF || is_surrogate(code_point)) {
            return i;
        }
        append_utf8(to, code_point);
    }
    return std::string_view::npos;
}

} // namespace

DetectedEncoding detect_encoding(std::string_view bytes) noexcept {
    if (starts_with(bytes, {0x00, 0x00, 0xFE, 0xFF})) {
        return {Encoding::utf32be, 4};
    }
    if (starts_with(bytes, {0xFF, 0xFE, 0x00, 0x00})) {
        return {Encoding::utf32le, 4};
    }
    if (starts_with(bytes, {0xFE, 0xFF})) {
        return {Encoding::utf16be, 2};
    }
    if (starts_with(bytes, {0xFF, 0xFE})) {
        return {Encoding::utf16le, 2};
    }
    if (starts_with(bytes, {0xEF, 0xBB, 0xBF})) {
        return {Encoding::utf8, 3};
    }
    // Without a mark a stream begins with an ASCII character; where its zero bytes stand tells.
    if (bytes.size() >= 4) {
        if (starts_with(bytes, {0, 0, 0}) && bytes[3] != 0) {
            return {Encoding::utf32be, 0};
        }
        if (bytes[0] != 0 && bytes[1] == 0 && bytes[2] == 0 && bytes[3] == 0) {
            return {Encoding::utf32le, 0};
        }
    }
    if (bytes.size() >= 2 && bytes.size() % 2 == 0) {
        if (bytes[0] == 0 && bytes[1] != 0) {
            return {Encoding::utf16be, 0};
        }
        if (bytes[0] != 0 && bytes[1] == 0) {
            return {Encoding::utf16le, 0};
        }
    }
    return {};
}

std::string_view encoding_name(Encoding encoding) noexcept {
    switch (encoding) {
    case Encoding::utf16le:
        return "UTF-16LE";
    case Encoding::utf16be:
        return "UTF-16BE";
    case Encoding::utf32le:
        return "UTF-32LE";
    case Encoding::utf32be:
        return "UTF-32BE";
    case Encoding::utf8:
        break;
    }
    return "UTF-8";
}

size_t transcode(std::string_view bytes, Encoding from, std::string &to) {
    switch (from) {
    case Encoding::utf16le:
    case Encoding::utf16be:
        return transcode16(bytes, from == Encoding::utf16be, to);
    case Encoding::utf32le:
    case Encoding::utf32be:
        return transcode32(bytes, from == Encoding::utf32be, to);
    case Encoding::utf8:
        break;
    }
    to.append(bytes);
    return std::string_view::npos;
}

size_t utf8_sequence(std::string_view text) noexcept {
    if (text.empty()) {
        return 0;
    }
    const uint8_t lead = byte_at(text, 0);
    if (lead < 0x80) {
        return 1;
    }
    // Unicode table 3-7: the second byte's range keeps out overlong forms, surrogates and
    // everything above U+10FFFF.
    size_t length = 0;
    uint8_t low = 0x80;
    uint8_t high = 0xBF;
    if (lead >= 0xC2 && lead <= 0xDF) {
        length = 2;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
        length = 3;
        low = lead == 0xE0 ? 0xA0 : 0x80;
        high = lead == 0xED ? 0x9F : 0xBF;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
        length = 4;
        low = lead == 0xF0 ? 0x90 : 0x80;
        high = lead == 0xF4 ? 0x8F : 0xBF;
    }
    if (length == 0 || text.size() < length || byte_at(text, 1) < low || byte_at(text, 1) > high) {
        return 0;
    }
    for (size_t i = 2; i < length; ++i) {
        if ((byte_at(text, i) & 0xC0) != 0x80) {
            return 0;
        }
    }
    return length;
}

void append_utf8(std::string &to, char32_t code_point) {
    const auto put = [&to](char32_t byte) { to.push_back(static_cast<char>(byte)); };
    if (code_point < 0x80) {
        put(code_point);
    } else if (code_point < 0x800) {
        put(0xC0 | code_point >> 6);
        put(0x80 | (code_point & 0x3F));
    } else if (code_point < 0x10000) {
        put(0xE0 | code_point >> 12);
        put(0x80 | (code_point >> 6 & 0x3F));
        put(0x80 | (code_point & 0x3F));
    } else {
        put(0xF0 | code_point >> 18);
        put(0x80 | (code_point >> 12 & 0x3F));
        put(0x80 | (code_point >> 6 & 0x3F));
        put(0x80 | (code_point & 0x3F));
    }
}

size_t find_forbidden(std::string_view text) noexcept {
    size_t i = 0;
    while (i < text.size()) {
        // Eight bytes at a time while all of them are printable ASCII or DEL: a high bit is set in
        // `word` for bytes above 0x7F and in `word - 0x20…` for bytes below 0x20.
        if (text.size() - i >= 8) {
            uint64_t word = 0;
            std::memcpy(&word, text.data() + i, 8);
            constexpr uint64_t k_high = 0x8080808080808080;
            constexpr uint64_t k_space = 0x2020202020202020;
            if (((word | (word - k_space)) & k_high) == 0) {
                i += 8;
                continue;
            }
        }
        const uint8_t byte = byte_at(text, i);
        if (byte < 0x20) {
            if (byte != '\t' && byte != '\n' && byte != '\r') {
                return i;
            }
            ++i;
            continue;
        }
        const size_t length = utf8_sequence(text.substr(i));
        if (length == 0) {
            return i;
        }
        i += length;
    }
    return std::string_view::npos;
}

} // namespace k2s::yaml2json
