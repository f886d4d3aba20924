// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "isolation/limits.hpp"
#include "util/result.hpp"

namespace k2s::worker {

/// Gives up for good what the limits do not leave this process, before it loads the plugin. What
/// the system cannot take away is returned in words: the host tells them. An error when the process
/// must not go on, because it would run with more than it was meant to. On Windows the host has
/// done all of it with the job object and the token.
core::Result<std::vector<std::string>> restrict_self(const core::isolation::WorkerLimits &limits);

} // namespace k2s::worker
