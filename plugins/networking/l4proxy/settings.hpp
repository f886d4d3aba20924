// SPDX-License-Identifier: MIT
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "balancer.hpp"
#include "common/address.hpp"
#include "config.hpp"
#include "dataplane/resolver.hpp"
#include "endpoint.hpp"
#include "health.hpp"
#include "proxy_protocol.hpp"

namespace k2s::l4proxy {

using dataplane::SocketAddress;

/// A target with what is known of its addresses before any look-up.
struct TargetSettings {
    EndpointUrl url;
    std::vector<SocketAddress> addresses; // empty: the host is a name
};

/// A checked ForwardConfig. Immutable and shared: a session works with what it started with.
struct ForwardSettings {
    ForwardConfig config;
    bool datagrams = false; // UDP on both sides
    std::vector<EndpointUrl> listen;
    std::vector<TargetSpec> targets; // their data are TargetSettings
    Balance balance = Balance::round_robin;
    bool expect_proxy_header = false;
    std::vector<Cidr> trusted;
    std::optional<ProxyVersion> send_proxy_header;
    std::vector<Cidr> allowed;
    std::optional<HealthCheck> health;

    bool admits(const Address &client) const {
        return allowed.empty() || any_contains(allowed, client);
    }
};

struct Settings {
    std::vector<std::shared_ptr<const ForwardSettings>> forwards;
    dataplane::HostTable hosts;
    unsigned workers = 1;

    static std::expected<std::shared_ptr<const Settings>, Error> check(Config config);
};

} // namespace k2s::l4proxy
