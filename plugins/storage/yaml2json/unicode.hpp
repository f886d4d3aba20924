// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace k2s::yaml2json {

enum class Encoding : uint8_t { utf8, utf16le, utf16be, utf32le, utf32be };

struct DetectedEncoding {
    Encoding encoding = Encoding::utf8;
    size_t mark_bytes = 0; ///< Length of the byte order mark.
};

/// YAML 1.2 section 5.2: a byte order mark, or the zero bytes round a first ASCII character.
DetectedEncoding detect_encoding(std::string_view bytes) noexcept;

std::string_view encoding_name(Encoding encoding) noexcept;

/// Appends the UTF-8 form of UTF-16 or UTF-32 `bytes`. Returns the offset of the first unit that is
/// malformed, or npos.
size_t transcode(std::string_view bytes, Encoding from, std::string &to);

/// The length of the well-formed UTF-8 sequence at the start of `text`, 0 if there is none.
size_t utf8_sequence(std::string_view text) noexcept;

void append_utf8(std::string &to, char32_t code_point);

/// The first byte of `text` that is not part of a character YAML allows: malformed UTF-8, NUL or
/// another C0 control except tab, line feed and carriage return. npos when all is well.
size_t find_forbidden(std::string_view text) noexcept;

} // namespace k2s::yaml2json
