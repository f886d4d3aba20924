// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "finding.hpp"

namespace k2s::cloudinitisobuilder {

struct SeedFile {
    std::string name;
    std::string content;
};

/// What cloud-init's NoCloud data source would make of these files: what it cannot use is an error,
/// what it ignores or what is unwise is a warning. Sources: cloud-init's documentation of NoCloud,
/// of the user-data formats and of network configuration versions 1 and 2, and its reader's code.
Findings check_seed(const std::vector<SeedFile> &files);

} // namespace k2s::cloudinitisobuilder
