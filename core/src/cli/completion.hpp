// SPDX-License-Identifier: MIT
/// \file
/// What completion scripts know about each position of a tool's tree.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/tree.hpp"

namespace k2s::core {

struct CompletedOption {
    std::vector<std::string> spellings; ///< all that are accepted: -addr, --addr, -a
    std::string help;
    bool takes_value = false;
    bool takes_file = false;
    std::vector<std::string> choices;
    std::string shown; ///< the spelling that is offered
};

struct CompletedNode {
    std::string path; ///< "" for the tool, "/plugin/list" for k2s plugin list
    std::vector<Child> children;
    std::vector<CompletedOption> options;
    std::vector<std::string> argument_choices;
    bool argument_is_file = false;
};

/// All visible positions, the tool itself first.
std::vector<CompletedNode> completed_nodes(const Tool &tool);

/// Whether a word is safe unquoted in every shell. Others are left out of completion scripts: words
/// of a manifest must not become code in the user's shell.
bool is_shell_word(std::string_view word);

std::string completion_bash(const Tool &tool);
std::string completion_powershell(const Tool &tool);

} // namespace k2s::core
