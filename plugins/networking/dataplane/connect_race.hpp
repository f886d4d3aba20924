// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <vector>

#include "stream.hpp"
#include "watchdog.hpp"

namespace k2s::dataplane {

struct RaceResult {
    std::unique_ptr<PlainStream> stream; // connected; empty: none answered
    Endpoint to;                         // the winner's
    error_code ec;                       // why the last attempt failed
};

/// The time that an address has before the next one is tried beside it (RFC 8305 5: Connection
/// Attempt Delay).
inline constexpr auto k_attempt_delay = Milliseconds(250);

/// Happy eyeballs (RFC 8305): tries the endpoints in turn, the next one as soon as one has failed
/// or k_attempt_delay has passed, and keeps the first connection that stands. One endpoint costs no
/// more than a plain connect. The watchdog ends it: then `ec` is operation_aborted. The arguments
/// must outlive the task.
Task<RaceResult> connect_race(net::io_context &io, const std::vector<Endpoint> &endpoints,
                              Watchdog &watchdog);

} // namespace k2s::dataplane
