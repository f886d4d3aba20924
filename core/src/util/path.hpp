// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include <boost/filesystem/path.hpp>

#include "util/result.hpp"

namespace k2s::core {

namespace fs = boost::filesystem;

/// A path from the bytes that users, configuration and the ABI give: UTF-8 (WTF-8) on Windows, the
/// bytes themselves on Linux.
fs::path path_from_utf8(std::string_view text);

/// The way back, without loss. On Linux a name may hold any bytes: for messages use path_text().
std::string path_to_utf8(const fs::path &path);

/// For messages and logs: always well-formed UTF-8.
std::string path_text(const fs::path &path);

/// What to hand to the operating system: on Windows a path near MAX_PATH becomes absolute with the
/// `\\?\` prefix, which lifts that limit. Elsewhere the path itself.
fs::path long_path(const fs::path &path);

/// The running program's file. Read once.
const Result<fs::path> &executable_path();

/// The file of the module that holds this code: the core library, or the program when the core is
/// linked into it. Read once.
const Result<fs::path> &module_path();

} // namespace k2s::core
