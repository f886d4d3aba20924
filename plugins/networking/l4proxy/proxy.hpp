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

namespace k2s::l4proxy {

class Forward;

/// Forwards of connections and datagrams as a library: everything that needs a host is left to the
/// caller.
///
/// Threads: one thread runs the io_context; every function is called on that thread or while
/// nothing runs it. Nothing inside is locked; counters may be read from anywhere. (For several
/// cores: one io_context and one Proxy each.)
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
    /// K2S_E_PERMISSION, K2S_E_NOT_FOUND (namespace), K2S_E_IO. A second call is a K2S_E_STATE
    /// error.
    std::expected<void, Error> start();

    /// Takes over a new configuration: listeners that stay keep running, new ones are opened,
    /// others are closed; established connections go on with their target. On an error nothing has
    /// changed.
    std::expected<void, Error> reload(Config config);

    /// Stops accepting, lets connections end until `patience` is over and cuts the rest. Calls
    /// `done` with the number of cut connections.
    void drain(std::chrono::milliseconds patience, std::function<void(size_t cut)> done);

    /// Closes listeners and connections at once.
    void stop();

    /// The addresses being listened on, with their places and real ports. Empty before start().
    std::vector<std::string> endpoints() const;

    /// In the order of the configuration. Their counters live as long as the pointers.
    std::vector<std::shared_ptr<const Forward>> forwards() const;

    /// Connections closed unserved because there were no descriptors; sockets made ahead.
    const Counter &turned_away() const;
    const Counter &stocked() const;

    unsigned workers() const;

  private:
    struct Impl;
    explicit Proxy(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_; // its coroutines may outlive this object for a moment
};

} // namespace k2s::l4proxy
