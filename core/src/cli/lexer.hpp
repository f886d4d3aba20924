// SPDX-License-Identifier: MIT
/// \file
/// From words to options and arguments, in Go's spelling and in POSIX's.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "cli/tree.hpp"

namespace k2s::core {

/// One option as given; switches have the text "true" when they stand alone.
struct Occurrence {
    const Offered *option;
    std::string text;
};

struct Words {
    std::vector<Occurrence> options;
    std::vector<std::string> arguments;
};

struct Spelling {
    Style style = Style::posix;
    /// As Go's flag package: the first argument ends the options. For commands that take the rest
    /// of the line, e.g. another program's own command line.
    bool argument_ends_options = false;
};

/// Takes the option at args[at], with its value, and moves `at` behind it. Accepted: -name value,
/// -name=value, --name value, --name=value, -n value, -n=value; a switch takes a value with "="
/// only. For Style::posix also -nvalue and grouped switches, -abc. Messages have no prefix.
Result<void> take_option(std::span<const Offered> offered, Style style,
                         std::span<const std::string> args, std::size_t &at,
                         std::vector<Occurrence> &to);

/// Whether the word is an option: "-" alone is an argument (standard input by convention).
bool looks_like_option(std::string_view word);

/// All words of a command, through Boost.Program_options; stops after an option for help or the
/// version. "--" ends the options.
Result<Words> split_words(std::span<const Offered> offered, Spelling spelling,
                          std::span<const std::string> args);

} // namespace k2s::core
