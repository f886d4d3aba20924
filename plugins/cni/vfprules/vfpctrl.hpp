// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vfprules/backend.hpp"

namespace k2s::vfprules {

/// The texts of vfpctrl.exe: what it is called with and what it says. Nothing of it depends on the
/// system, so it is tested everywhere.

/// A rule as `/list-rule` shows it.
struct Listed {
    std::string id;
    std::string text; // its lines, joined
};
std::vector<Listed> read_rules(std::string_view output);

/// The name of the port whose friendly name is `id`, which may differ in case.
std::optional<std::string> read_port_name(std::string_view output, std::string_view id);

/// Whether what is listed can be this rule: its priority, destination and MAC address have to agree
/// as far as they are shown.
bool agrees(const Listed &listed, const Rule &rule);

/// The rule as one word of the command line.
std::string rule_text(const Rule &rule);

} // namespace k2s::vfprules
