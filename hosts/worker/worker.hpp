// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

/// k2s-worker runs plugin code that the host does not want in its own process. It is started by the
/// host, never by a person; its command line is between the two and may change with any version.
namespace k2s::worker {

/// `arguments[0]` is the program. Returns the exit code: 2 for a wrong call.
int run(const std::vector<std::string> &arguments);

} // namespace k2s::worker
