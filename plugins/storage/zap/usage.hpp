// SPDX-License-Identifier: MIT
#pragma once

#include <expected>
#include <string>
#include <vector>

#include <k2s/sdk/error.hpp>

#include "guard.hpp"

namespace k2s::zap {

/// Who uses the folder, each as a text for a person: "process 812 (nginx) has 'x' open". Linux:
/// also overlay mounts, of any mount namespace, that are made of it. The list is cut after a few.
std::vector<std::string> users_of(const Target &target);

/// The mount points below the folder, and the folder itself when it is one; the deepest first.
std::vector<std::string> mounts_of(const Target &target);

/// Takes those away that are there now. What still uses them keeps them until it ends.
std::expected<std::vector<std::string>, Error> unmount(const Target &target);

} // namespace k2s::zap
