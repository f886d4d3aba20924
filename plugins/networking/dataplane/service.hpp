// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <k2s/sdk/host.hpp>

#include "dataplane/server.hpp"

namespace k2s::dataplane {

/// Brings what an engine tells into the host's log.
class HostLog {
  public:
    HostLog(const Host &host, std::string instance) : host_(host), instance_(std::move(instance)) {}

    void log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields);

    const Host &host() const noexcept { return host_; }
    const std::string &instance() const noexcept { return instance_; }

  private:
    Host host_;
    std::string instance_;
};

/// One running proxy: a server with its event loop on a thread that the host lends – or several
/// alike, see Server::workers – and their metrics.
/// [strand] but for status().
class Service {
  public:
    using Make = std::function<std::expected<std::unique_ptr<Server>, Error>(net::io_context &io)>;

    /// Listens when it returns. `prefix` begins the names of the metrics; `settings` are what
    /// `make` works with.
    static Status start(const Host &host, std::string_view instance, std::string_view prefix,
                        std::string_view settings, const Make &make, std::unique_ptr<Service> &out);
    ~Service();
    Service(const Service &) = delete;
    Service &operator=(const Service &) = delete;

    /// All workers take the settings over, or none.
    Status reload(std::string_view settings);

    /// Takes no new connections; those that there are have until the deadline. Waits for nothing.
    void begin_drain(std::chrono::milliseconds deadline);

    /// Drains, or waits for the drain that has begun; K2S_E_PARTIAL when connections had to be cut.
    /// The object can only be destroyed then.
    Status stop(std::chrono::milliseconds deadline);

    /// Addresses and counts as JSON. [any-thread]
    std::string status() const;

  private:
    struct Impl;
    explicit Service(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace k2s::dataplane
