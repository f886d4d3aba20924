// SPDX-License-Identifier: MIT
/// \file
/// Text for terminals: widths, wrapping, quoting, suggestions.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace k2s::core {

/// Takes one character off valid UTF-8; a wrong byte is taken as U+FFFD.
char32_t next_character(std::string_view &rest);

/// Columns on a terminal: two for East Asian wide characters and emoji, none for combining marks.
std::size_t display_width(std::string_view text);

/// The text in double quotes for a message, cut when long; control characters and bytes that are
/// not UTF-8 are escaped, so that input cannot drive the terminal.
std::string quote(std::string_view text);

/// Control characters (but for tab and newline, if `multi_line`) escaped as \xNN.
std::string printable(std::string_view text, bool multi_line);

/// Words of the paragraphs in `text` in lines of at most `width` columns. Lines that start with a
/// blank stay as they are; a word that is longer than a line has one for itself.
std::vector<std::string> wrap(std::string_view text, std::size_t width);

/// The candidate that `word` is most likely meant to be: at most two edits (insert, delete,
/// replace, swap neighbours; case does not count), one for short words. Empty if there is none.
std::string_view closest(std::string_view word, std::span<const std::string_view> candidates);

} // namespace k2s::core
