// SPDX-License-Identifier: MIT
#include "dataplane/access_settings.hpp"

#include <nlohmann/json.hpp>

namespace k2s::dataplane {

std::expected<AccessLogSettings, Error> access_log_settings(const nlohmann::json &json,
                                                            std::string identifier) {
    const AccessLogSettings defaults;
    auto settings = AccessLogSettings::parse(json.value("format", "combined"),
                                             json.value("to", "none"), json.value("file", ""));
    if (settings) {
        settings->max_bytes = json.value("max_bytes", defaults.max_bytes);
        settings->keep = json.value("keep", defaults.keep);
        settings->identifier = std::move(identifier);
    }
    return settings;
}

} // namespace k2s::dataplane
