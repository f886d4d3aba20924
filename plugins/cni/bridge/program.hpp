// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <k2s/sdk/process.hpp>

#include "spec/failure.hpp"

namespace k2s::cni {

/// Runs it to its end, within a deadline. A failure is one to start or to end; an exit code is
/// none.
using Runner = std::function<Result<Ended>(const Program &)>;

/// The first regular file of this name in a list of folders as in PATH, as an absolute path. On
/// Windows with ".exe" as well as without.
std::optional<std::string> find_program(std::string_view name, std::string_view folders);
/// Whether both names lead to the same file.
bool same_file(const std::string &a, const std::string &b);

} // namespace k2s::cni
