// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

namespace k2s::host {

/// What an exe that is no preset does; <system>/arguments.cpp has its main. `arguments` are UTF-8
/// on Windows, bytes elsewhere; the first is the program. Returns the exit code.
int run(const std::vector<std::string> &arguments);

} // namespace k2s::host
