// SPDX-License-Identifier: MIT
#pragma once

#include <expected>
#include <string_view>

#include <k2s/sdk/host.hpp>

#include "dataplane/access_log.hpp"
#include "httpproxy/config.hpp"
#include "vocabulary.hpp"

namespace k2s::httpproxy {

struct ServerSettings {
    Config config;
    AccessLogSettings access_log;
};

/// From the feature's settings (checked against the schema of plugin.json) and the proxy variables
/// of the environment.
std::expected<ServerSettings, Error> read_settings(std::string_view settings, const Host &host);

} // namespace k2s::httpproxy
