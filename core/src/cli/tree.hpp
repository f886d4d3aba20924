// SPDX-License-Identifier: MIT
/// \file
/// A tool's commands seen as a tree, and the options that count at one position of it. Paths are
/// below the tool's root.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/cli.hpp"

namespace k2s::core {

using Path = std::span<const std::string>;

/// The command at `path`; null for groups and for paths that do not exist.
const Command *command_at(const Tool &tool, Path path);

struct Child {
    std::string_view word;
    std::string summary;
    const Command *command = nullptr; ///< null: a group
    bool of_plugin = false; ///< the command (or the first one of the group) is a feature's
    bool hidden = false;    ///< it, or all below it
};

/// What may follow `path`, in the order of the tool's list.
std::vector<Child> children_of(const Tool &tool, Path path);

bool has_child(const Tool &tool, Path path, std::string_view word);

enum class Role : uint8_t { own, host, help, version };

/// An option at a position of the tree.
struct Offered {
    const Option *option = nullptr;
    Role role = Role::own;
    std::string_view short_name; ///< empty when an option with precedence has the letter
};

/// The command's own options first, then those of the host that they leave free.
std::vector<Offered> options_at(const Tool &tool, Path path);

/// "k2s plugin list"
std::string full_name(const Tool &tool, Path path);

/// "-addr" or "--addr"
std::string spelled(std::string_view option, Style style);

/// The word for an option's value in help: its metavar, or one that fits the type.
std::string value_word(const Option &option);

} // namespace k2s::core
