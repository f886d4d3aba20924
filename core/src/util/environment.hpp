// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace k2s::core {

/// One variable of the process environment; UTF-8 on Windows. Nothing when it is not set or empty:
/// for our variables "empty" and "unset" mean the same.
std::optional<std::string> environment(const char *name);

/// Every variable whose name starts with `prefix` (upper case; Windows names compare without case
/// and are returned in upper case). Sorted by name, so that results do not depend on the caller's
/// shell.
std::vector<std::pair<std::string, std::string>> environment_with_prefix(std::string_view prefix);

/// Sets a variable for this process and its children. Call it before other threads start.
void set_environment(const char *name, std::string_view value);

/// False when another user started this program with more rights than their own (set-user-id, file
/// capabilities): then K2S_ variables must not steer it.
bool environment_is_trusted();

} // namespace k2s::core
