// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "net.hpp"
#include "observer.hpp"
#include "socket_stock.hpp"
#include "tunnel.hpp"
#include "watchdog.hpp"

namespace k2s::dataplane {

/// True where Relay works (Linux). Elsewhere run_tunnel does the same with Asio alone.
extern const bool k_native_relay;

/// What all relays of one io_context share: an epoll instance of their own, a buffer that is only
/// used between two waits, and pipes for splice(2) (direct_pump.hpp uses these two as well). The
/// io_context waits for the epoll instance as for a socket, and takes many events at once from it:
/// that, and edges that never have to be armed again, is what a relay costs less than a tunnel of
/// coroutines.
class RelayLoop {
  public:
    explicit RelayLoop(net::io_context &io);
    ~RelayLoop();
    RelayLoop(const RelayLoop &) = delete;
    RelayLoop &operator=(const RelayLoop &) = delete;

    /// Ends the waiting; relays that are left end with a failure when they are cut.
    void stop() noexcept;

    struct Impl;
    const std::shared_ptr<Impl> &impl() const noexcept { return impl_; }

  private:
    std::shared_ptr<Impl> impl_;
};

/// Bytes both ways between two connected sockets, until both sides have ended, one has failed, or
/// the watchdog ends it. The end of one direction is passed on as a half-close. While it waits it
/// holds neither a buffer nor a pipe.
class Relay final : public Watchdog::Waiter {
  public:
    struct Options {
        Watchdog &watchdog;
        Clock::duration idle_timeout;
        Counter &received;
        Counter &sent;
    };

    Relay(const RelayLoop &loop, const Options &options);
    ~Relay() override;
    Relay(const Relay &) = delete;
    Relay &operator=(const Relay &) = delete;

    /// `first` goes to the upstream before anything else. `done` is called once, never from here,
    /// with the sockets closed; it may destroy the relay.
    void start(NativeSocket client, NativeSocket upstream, std::string first,
               std::function<void(const TunnelResult &)> done);

    void cancelled() noexcept override;

    struct State;

  private:
    std::unique_ptr<State> state_;
};

} // namespace k2s::dataplane
