// SPDX-License-Identifier: MIT
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine.hpp"

namespace k2s::httpproxy {

/// Why no connection came about, as the client is told.
struct DialError {
    unsigned status = 502;
    std::string message;
};

/// Where the time of a dial went, for `httpproxy test`.
struct DialReport {
    std::vector<Address> addresses; // of the first hop
    Endpoint peer;
    Clock::duration resolve{};
    Clock::duration connect{};
    Clock::duration upstream{}; // TLS, CONNECT or SOCKS with the upstream
};

struct DialRequest {
    std::string host; // of the target
    uint16_t port = 0;
    const Upstream *upstream = nullptr; // then this is dialled instead
    size_t rule = 0;                    // of `routes`, that decided this
    bool remote_client = true;          // the destination policy applies
    std::string tunnel_authority;       // with an HTTP upstream: ask it for a tunnel to here
    std::string via;                    // whole fields, for that
    DialReport *report = nullptr;
};

/// Name look-up, TCP (the addresses race, see connect_race.hpp), TLS and, for a tunnel through an
/// upstream, CONNECT or SOCKS – all within connect_timeout. The arguments must outlive the task.
Task<std::expected<std::unique_ptr<Connection>, DialError>>
dial(Engine &engine, const Settings &settings, const DialRequest &request, Watchdog &watchdog);

/// Why the client may not have its target, as far as that can be seen without looking up a name:
/// all that is known of a target that an upstream is asked for.
std::optional<DialError> refuse_target(const Settings &settings, const DialRequest &request);

/// Why a rule keeps the client from its target.
std::string describe_block(std::string_view target, const Route &route);

} // namespace k2s::httpproxy
