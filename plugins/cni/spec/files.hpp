// SPDX-License-Identifier: MIT
#pragma once

#include <expected>
#include <string>
#include <vector>

#include <k2s/sdk/error.hpp>

namespace k2s::cni {

/// Who gets into a folder that is made.
enum class Access { everybody, administrators };

/// Makes the folder and those above it, which are everybody's; nothing happens to what is there.
/// False: errno or GetLastError() says why.
bool make_folders(const std::string &path, Access access = Access::everybody);

/// The same, with what is to be said of a failure.
std::expected<void, Error> need_folder(const std::string &path, Access access = Access::everybody);

/// Names of what is in it; none when there is no such folder.
std::vector<std::string> files_in(const std::string &folder);

bool is_file(const std::string &path);
void remove_file(const std::string &path);

} // namespace k2s::cni
