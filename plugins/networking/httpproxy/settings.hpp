// SPDX-License-Identifier: MIT
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/address.hpp"
#include "common/no_proxy.hpp"
#include "config.hpp"
#include "dataplane/listener.hpp"
#include "dataplane/resolver.hpp"
#include "head_parser.hpp"
#include "routes.hpp"
#include "upstream.hpp"
#include "vocabulary.hpp"

namespace k2s::httpproxy {

/// A checked Config. Immutable and shared: each request works with the settings it started with.
struct Settings {
    Config config;
    HeadLimits head_limits;
    std::vector<ListenAddress> listen;
    std::vector<Cidr> allowed_clients;
    std::vector<Cidr> allowed_destinations;
    dataplane::HostTable hosts;
    NoProxy no_proxy;
    std::optional<Upstream> upstream_plain;
    std::optional<Upstream> upstream_connect;
    Routes routes;

    static std::expected<std::shared_ptr<const Settings>, Error> check(Config config);

    /// The way that a request to this target takes. Valid as long as the settings.
    Route route(std::string_view host, uint16_t port, bool connect) const;
};

} // namespace k2s::httpproxy
