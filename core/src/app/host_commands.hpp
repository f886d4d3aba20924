// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "cli/cli.hpp"
#include "manifest/manifest.hpp"

namespace k2s::core {

/// The commands that the host itself has (`k2s run`, `k2s plugin list`, …), as data in the same
/// form as a plugin's. Parsed on the first call.
const Manifest &host_manifest();

/// Summaries of the positions that only group commands: `k2s plugin`.
std::vector<CommandGroup> host_groups();

/// The first words of the host's commands, which no plugin may take.
std::vector<std::string> reserved_words();

} // namespace k2s::core
