// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "net.hpp"
#include "observer.hpp"
#include "relay.hpp"
#include "watchdog.hpp"

namespace k2s::dataplane {

/// One direction between two plain sockets.
struct DirectFlow {
    RelayLoop &loop; ///< whose buffer and pipes it uses
    Watchdog &watchdog;
    Clock::duration idle_timeout;
    Socket &from;
    Socket &to;
    Counter &counter;
    uint64_t &bytes;
    uint64_t limit;      ///< bytes to move at most
    const bool &stopped; ///< looked at between two pieces; then it ends as failed
};

enum class DirectEnd : uint8_t { limit_reached, source_ended, source_failed, sink_failed };

/// True where sockets can be served directly (Linux).
extern const bool k_direct_pump;

/// Moves bytes from one socket to the other until the limit, the end of the stream (which is not
/// passed on) or a failure. Small pieces go through the shared buffer; when much comes at once,
/// pages are moved by splice(2) without being copied.
Task<DirectEnd> run_direct(DirectFlow flow);

} // namespace k2s::dataplane
