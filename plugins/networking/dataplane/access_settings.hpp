// SPDX-License-Identifier: MIT
#pragma once

#include <expected>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "dataplane/access_log.hpp"

namespace k2s::dataplane {

/// The value of `access_log` in a feature's settings, checked against the schema of plugin.json.
/// `identifier`: as journald shows it.
std::expected<AccessLogSettings, Error> access_log_settings(const nlohmann::json &json,
                                                            std::string identifier);

} // namespace k2s::dataplane
