// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "net.hpp"
#include "observer.hpp"
#include "watchdog.hpp"

namespace k2s::dataplane {

/// What all tunnels of one io_context share: a buffer that is only used between two waits, and
/// pipes for splice(2). Empty on Windows.
class TunnelTools {
  public:
    TunnelTools();
    ~TunnelTools();
    TunnelTools(const TunnelTools &) = delete;
    TunnelTools &operator=(const TunnelTools &) = delete;

    struct Impl;
    Impl *impl() noexcept { return impl_.get(); }

  private:
    std::unique_ptr<Impl> impl_;
};

/// One direction between two plain sockets.
struct DirectFlow {
    TunnelTools &tools;
    Watchdog &watchdog;
    Clock::duration idle_timeout;
    Socket &from;
    Socket &to;
    Counter &counter;
    uint64_t &bytes;
    uint64_t limit = UINT64_MAX;   ///< bytes to move at most
    const bool *stopped = nullptr; ///< looked at between two pieces; then it ends as failed
};

enum class DirectEnd : uint8_t { limit_reached, source_ended, source_failed, sink_failed };

/// True where sockets can be served directly (Linux).
extern const bool k_direct_pump;

/// Moves bytes from one socket to the other until the limit, the end of the stream (which is not
/// passed on) or a failure. Small pieces go through the shared buffer; when much comes at once,
/// pages are moved by splice(2) without being copied.
Task<DirectEnd> run_direct(DirectFlow flow);

} // namespace k2s::dataplane
