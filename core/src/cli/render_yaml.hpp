// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace k2s::core {

/// YAML 1.2 in block style, one document without a marker. A string that some YAML version would
/// read as something else (no, 1:20, 2001-01-01, 0x1F) is quoted.
std::string render_yaml(const nlohmann::ordered_json &data);

} // namespace k2s::core
