// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <boost/filesystem/path.hpp>

#include "util/result.hpp"

namespace k2s::core::admin {

namespace fs = boost::filesystem;

constexpr std::string_view k_default_instance = "default";

/// Where the host `instance` of this user listens: a Unix socket `<run_dir>/<instance>.sock`, or
/// the pipe `\\.\pipe\k2s-host-<instance>`. An instance's name is [a-z0-9-], 1 to 32 characters;
/// anything else is K2S_E_USAGE. Linux: K2S_E_USAGE also when the path is too long for a socket.
Result<fs::path> endpoint_of(std::string_view instance, const fs::path &run_dir);

/// The instances of this user that seem to run: whose endpoint is there.
std::vector<std::string> running_instances(const fs::path &run_dir);

/// The rule above, for both platforms.
Result<void> check_instance(std::string_view instance);

} // namespace k2s::core::admin
