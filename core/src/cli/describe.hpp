// SPDX-License-Identifier: MIT
/// \file
/// The pieces that help and man pages have in common.
#pragma once

#include <string>
#include <vector>

#include "cli/tree.hpp"

namespace k2s::core {

/// "-addr HOST:PORT", "-v, --verbose": how an option is written; what stands for a value is
/// returned apart.
struct OptionLabel {
    std::vector<std::string> spellings; ///< short form first
    std::string value;                  ///< empty for switches
};

OptionLabel label(const Offered &offered, Style style);

/// The help text, then default, choices, environment variable, "required", "may be repeated".
std::string explanation(const Option &option);
std::string explanation(const Argument &argument);

/// "[options]", "<file>", "[<file>…]", "<command>"
std::string synopsis(const Tool &tool, Path path);

/// The common codes and the command's own, which win, in order of the codes.
std::vector<ExitCode> exit_codes_of(const Command *command);

/// An example as it is typed for this tool: in `k2s`, "k2s yaml2json …" for "yaml2json …".
std::string example_line(const Tool &tool, const Command &command, const Example &example);

/// How the options at a position are written: as its command does.
Style style_at(const Command *command);

} // namespace k2s::core
