// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include <k2s/sdk/error.hpp>

#include "config.hpp"
#include "observer.hpp"

namespace k2s::httpproxy {

/// The forward proxy as a library: everything that needs a host (configuration files, environment,
/// signals, log formats, metrics pages) is left to the caller.
///
/// Threads: one thread runs the io_context; every function but stats() is called on that thread or
/// while nothing runs it. Nothing inside is locked. (For several cores: one io_context and one
/// Proxy each, not several threads in one io_context.)
///
/// Lifetime: destroy the Proxy before the io_context. The destructor closes everything; handlers
/// that are still queued end harmlessly when the io_context runs or is destroyed.
class Proxy {
  public:
    /// Checks the configuration; opens nothing yet. `observer` may not be null.
    static std::expected<std::unique_ptr<Proxy>, Error>
    create(boost::asio::io_context &io, Config config, std::shared_ptr<Observer> observer);

    ~Proxy();
    Proxy(const Proxy &) = delete;
    Proxy &operator=(const Proxy &) = delete;

    /// Opens every listener or none, and serves. Errors: K2S_E_BUSY (address in use),
    /// K2S_E_PERMISSION, K2S_E_IO. A second call is a K2S_E_STATE error.
    std::expected<void, Error> start();

    /// Takes over a new configuration: listeners that stay keep running, new ones are opened,
    /// others are closed; established connections go on and use it from their next request. On an
    /// error nothing has changed.
    std::expected<void, Error> reload(Config config);

    /// Stops accepting, closes idle clients, lets the others finish (with `Connection: close`)
    /// until `patience` is over and cuts the rest. Calls `done` with the number of cut connections.
    void drain(std::chrono::milliseconds patience, std::function<void(size_t cut)> done);

    /// Closes listeners and connections at once.
    void stop();

    /// The addresses being listened on, as "address:port" with the real port. Empty before start().
    std::vector<std::string> endpoints() const;

    /// May be read from any thread, also after the Proxy is gone.
    std::shared_ptr<const Counters> stats() const;

  private:
    struct Impl;
    explicit Proxy(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace k2s::httpproxy
