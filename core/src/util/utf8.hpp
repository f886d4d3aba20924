// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace k2s::core {

/// Offset of the first byte that is not well-formed UTF-8 (Unicode 15, table 3-7: no overlong form,
/// no surrogate, nothing above U+10FFFF); nothing when all of it is.
std::optional<std::size_t> utf8_error(std::string_view text) noexcept;

inline bool valid_utf8(std::string_view text) noexcept {
    return !utf8_error(text);
}

/// `text` with each maximal ill-formed part replaced by U+FFFD; unchanged when it is well-formed.
std::string lossy_utf8(std::string_view text);

/// Length of the longest prefix that is at most `max` bytes and does not cut a character in two.
std::size_t utf8_prefix(std::string_view text, std::size_t max) noexcept;

/// UTF-16 to WTF-8: like UTF-8, but a lone surrogate becomes three bytes, so that every Windows
/// file name survives the way there and back (https://simonsapin.github.io/wtf-8/).
std::string wtf8_from_utf16(std::u16string_view text);

/// The way back; bytes that are not WTF-8 become U+FFFD.
std::u16string utf16_from_wtf8(std::string_view text);

} // namespace k2s::core
