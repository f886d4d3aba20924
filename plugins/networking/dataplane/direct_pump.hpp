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
};

/// True where sockets can be served directly (Linux).
extern const bool k_direct_pump;

/// Moves everything from one socket to the other until the end of the stream (true; the half-close
/// is passed on) or a failure (false). Small pieces go through the shared buffer; when much comes
/// at once, pages are moved by splice(2) without being copied.
Task<bool> run_direct(DirectFlow flow);

} // namespace k2s::dataplane
