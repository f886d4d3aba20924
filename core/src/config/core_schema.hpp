// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json.hpp>

namespace k2s::core {

/// The schema of a configuration file without the features' own settings. Parsed on first use.
const nlohmann::json &core_schema();

/// What the core uses when nothing is configured: the schema's defaults.
const nlohmann::json &core_defaults();

} // namespace k2s::core
