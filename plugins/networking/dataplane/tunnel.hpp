// SPDX-License-Identifier: MIT
#pragma once

#include "buffer.hpp"
#include "observer.hpp"
#include "stream.hpp"
#include "watchdog.hpp"

namespace k2s::dataplane {

/// One end of a tunnel. `in` holds what was already read from it; `received` counts what comes.
struct TunnelEnd {
    Stream &stream;
    Buffer &in;
    Counter &received;
};

struct TunnelResult {
    uint64_t bytes_in = 0;  // from the client
    uint64_t bytes_out = 0; // to the client
    bool timed_out = false;
};

/// Bytes both ways until both sides have ended, one has failed or nothing moved for `idle_timeout`.
/// The end of one direction is passed on as a half-close. For what a Relay (relay.hpp) cannot do:
/// TLS, and Windows.
Task<TunnelResult> run_tunnel(net::io_context &io, Watchdog &watchdog, Clock::duration idle_timeout,
                              TunnelEnd client, TunnelEnd upstream);

} // namespace k2s::dataplane
