// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <k2s/sdk/error.hpp>

#include "net.hpp"
#include "observer.hpp"

namespace k2s::dataplane {

/// A number for the host's metrics page.
struct Metric {
    enum class Kind : uint8_t { counter, gauge };
    Kind kind;
    const char *name; // literal
    const char *help; // literal
    const Counter *value;
    std::string labels = {};                // the inside of the braces, or empty
    std::shared_ptr<const void> owner = {}; // of the value, when that is not the server

    /// A label as it stands between the braces: name="value", quoted as Prometheus wants it.
    static std::string label(std::string_view name, std::string_view value);
};

/// A proxy on one io_context, as the host's glue (service.hpp) sees it. Every function but the
/// counters' get() is called on the io_context's thread or while nothing runs it.
class Server {
  public:
    virtual ~Server() = default;

    /// Opens every listener or none, and serves.
    virtual std::expected<void, Error> start() = 0;
    /// Takes over new settings (JSON, checked against the feature's schema). On an error nothing
    /// has changed; established connections go on in either case.
    virtual std::expected<void, Error> reload(std::string_view settings) = 0;
    /// Stops accepting and lets connections end until `patience` is over, then cuts the rest and
    /// calls `done` with their number.
    virtual void drain(Milliseconds patience, std::function<void(size_t cut)> done) = 0;

    /// The addresses being listened on.
    virtual std::vector<std::string> endpoints() const = 0;
    /// Valid as long as the server; asked for again after a reload. What a status shows first
    /// stands first.
    virtual std::vector<Metric> metrics() const = 0;
    /// How many such servers are to run side by side, each on its own thread. All are made from the
    /// same settings, so that their metrics are alike and can be added up.
    virtual unsigned workers() const { return 1; }
};

} // namespace k2s::dataplane
