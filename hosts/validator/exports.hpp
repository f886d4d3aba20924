// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "util/path.hpp"
#include "util/result.hpp"

namespace k2s::validator {

/// The names that a library exports, read from the file: nothing of it runs. K2S_E_FAILED when its
/// tables make no sense.
core::Result<std::vector<std::string>> exported_names(const core::fs::path &library);

} // namespace k2s::validator
