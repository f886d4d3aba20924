// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "util/path.hpp"
#include "util/result.hpp"

namespace k2s::core {

/// The whole content of a regular file of at most `max_bytes`. Directories, devices, pipes and
/// sockets are refused (opening a pipe must not block a start). Errors: K2S_E_NOT_FOUND,
/// K2S_E_PERMISSION, K2S_E_NO_MEMORY for a longer file, K2S_E_IO.
Result<std::string> read_file(const fs::path &path, std::size_t max_bytes);

/// The same, but nothing for a file that does not exist: one system call then.
Result<std::optional<std::string>> read_file_if_exists(const fs::path &path, std::size_t max_bytes);

} // namespace k2s::core
