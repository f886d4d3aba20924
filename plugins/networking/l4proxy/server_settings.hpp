// SPDX-License-Identifier: MIT
#pragma once

#include <expected>
#include <string_view>

#include "dataplane/access_log.hpp"
#include "l4proxy/config.hpp"

namespace k2s::l4proxy {

struct ServerSettings {
    Config config;
    dataplane::AccessLogSettings access_log;
};

/// From the feature's settings, checked against the schema of plugin.json. `listen` and `to` are
/// one forward beside those of `forwards`; what stands beside them is every forward's default.
std::expected<ServerSettings, Error> read_settings(std::string_view settings);

} // namespace k2s::l4proxy
