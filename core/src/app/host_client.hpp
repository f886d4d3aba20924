// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json.hpp>

#include "app/app.hpp"

namespace k2s::core {

/// Asks the running host with this name; its JSON answer. K2S_E_NOT_FOUND when none is running.
Result<nlohmann::ordered_json> call_host(App &app, const std::string &name, std::string_view method,
                                         std::string_view path);

} // namespace k2s::core
