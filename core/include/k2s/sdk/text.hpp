// SPDX-License-Identifier: MIT
#pragma once

#include <cstring>
#include <string>
#include <string_view>

#include <k2s/abi/base.h>

namespace k2s {

inline k2s_str to_abi(std::string_view text) noexcept {
    return {text.data(), text.size()};
}

inline std::string_view from_abi(k2s_str text) noexcept {
    return text.len == 0 ? std::string_view{} : std::string_view(text.ptr, text.len);
}

inline k2s_bytes to_bytes(std::string_view data) noexcept {
    return {reinterpret_cast<const uint8_t *>(data.data()), data.size()};
}

inline std::string_view from_bytes(k2s_bytes data) noexcept {
    return data.len == 0 ? std::string_view{}
                         : std::string_view(reinterpret_cast<const char *>(data.ptr), data.len);
}

/// The length of the longest prefix of `text` that has at most `limit` bytes and ends between two
/// UTF-8 characters.
inline size_t cut_utf8(std::string_view text, size_t limit) noexcept {
    if (text.size() <= limit) {
        return text.size();
    }
    while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xC0U) == 0x80U) {
        --limit;
    }
    return limit;
}

/// Copies into a fixed field of an ABI struct: NUL-terminated, cut at a character.
template <size_t N> void copy_text(char (&field)[N], std::string_view text) noexcept {
    const size_t size = cut_utf8(text, N - 1);
    if (size > 0) {
        std::memcpy(field, text.data(), size);
    }
    field[size] = '\0';
}

} // namespace k2s
