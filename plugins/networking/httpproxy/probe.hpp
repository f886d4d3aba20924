// SPDX-License-Identifier: MIT
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <k2s/sdk/error.hpp>

#include "common/address.hpp"
#include "settings.hpp"

namespace k2s::httpproxy {

/// What `httpproxy test` finds out about one URL.
struct ProbeReport {
    std::string target; // host:port
    std::string method; // GET, or CONNECT
    bool client_allowed = true;
    Route::Kind route = Route::Kind::direct;
    std::string upstream; // its URL without credentials
    std::string reason;   // why this route

    // Of the attempt; absent after a dry run.
    std::vector<std::string> addresses; // of the first hop
    std::string peer;                   // the one that answered
    std::string tls;                    // the version spoken with the target
    std::optional<unsigned> status;     // of its answer
    std::optional<Clock::duration> resolve, connect, upstream_ready, tls_ready, first_byte, total;

    std::string problem; // empty: all went well
    int exit_code = 0;
};

struct ProbeOptions {
    std::string url;               // http://…, https://… or host:port
    std::optional<Address> client; // as if it asked; none: this host
    bool try_it = true;
    std::string ca_file;           // roots for an https target; empty: the system's
    std::function<bool()> stopped; // asked now and then
};

/// Explains the route that the URL takes with these settings, and tries it. An error is a wrong
/// URL.
std::expected<ProbeReport, Error> probe(std::shared_ptr<const Settings> settings,
                                        const ProbeOptions &options);

} // namespace k2s::httpproxy
