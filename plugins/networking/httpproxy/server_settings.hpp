// SPDX-License-Identifier: MIT
#pragma once

#include <expected>
#include <string_view>

#include <k2s/sdk/host.hpp>

#include "httpproxy/config.hpp"

namespace k2s::httpproxy {

/// The engine's Config from the feature's settings (checked against the schema of plugin.json) and
/// the proxy variables of the environment.
std::expected<Config, Error> config_from_settings(std::string_view settings, const Host &host);

} // namespace k2s::httpproxy
