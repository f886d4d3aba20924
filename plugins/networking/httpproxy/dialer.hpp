// SPDX-License-Identifier: MIT
#pragma once

#include <expected>
#include <memory>
#include <string>

#include "engine.hpp"

namespace k2s::httpproxy {

/// Why no connection came about, as the client is told.
struct DialError {
    unsigned status = 502;
    std::string message;
};

struct DialRequest {
    std::string host; // of the target
    uint16_t port = 0;
    const Upstream *upstream = nullptr; // then this is dialled instead
    bool remote_client = true;          // the destination policy applies
    std::string tunnel_authority;       // with an upstream: ask it for a tunnel to here
};

/// Name look-up, TCP (every address in turn, each with a share of the time), TLS and, for a tunnel
/// through an upstream, CONNECT – all within connect_timeout. The arguments must outlive the task.
Task<std::expected<std::unique_ptr<Connection>, DialError>>
dial(Engine &engine, const Settings &settings, const DialRequest &request, Watchdog &watchdog);

} // namespace k2s::httpproxy
