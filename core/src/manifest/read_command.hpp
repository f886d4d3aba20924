// SPDX-License-Identifier: MIT
#pragma once

#include "manifest/manifest.hpp"
#include "manifest/reader.hpp"

namespace k2s::core {

/// The member "commands"; cross-checks with the features are the caller's.
bool read_commands(Reader &reader, nlohmann::json &value, std::vector<Command> &to);

} // namespace k2s::core
