// SPDX-License-Identifier: MIT
/// \file
/// What `k2s plugin|feature enable|disable` remember: one small file per switch in the state
/// folder, so that two commands at the same time cannot undo each other.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "util/result.hpp"

namespace k2s::core {

/// Each switch as a setting, "plugins.storage.enabled=false"; they go before the --set of the
/// command line. Unreadable or foreign files are passed over.
std::vector<std::string> switch_settings();

/// Whether such a setting is about something that `known` knows by section and id.
bool is_switch_of(std::string_view setting,
                  const std::function<bool(std::string_view section, std::string_view id)> &known);

/// What it said of a part that is there no more. A file that cannot be removed changes nothing.
void forget_switch(std::string_view section, std::string_view id);

/// `section` is "plugins" or "features". The file that was written.
Result<std::string> write_switch(std::string_view section, std::string_view id, bool enabled);

} // namespace k2s::core
