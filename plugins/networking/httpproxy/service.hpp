// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include <k2s/sdk/host.hpp>

namespace k2s::httpproxy {

/// One running proxy: the engine (proxy.hpp), its event loop on a thread that the host lends, its log
/// and its metrics. [strand] but for status().
class Service {
  public:
    /// Listens when it returns.
    static Status start(const Host &host, std::string_view instance, std::string_view settings,
                        std::unique_ptr<Service> &out);
    ~Service();
    Service(const Service &) = delete;
    Service &operator=(const Service &) = delete;

    Status reload(std::string_view settings);

    /// Drains; K2S_E_PARTIAL when connections had to be cut. The object can only be destroyed then.
    Status stop(std::chrono::milliseconds deadline);

    /// Addresses and counts as JSON. [any-thread]
    std::string status() const;

  private:
    struct Impl;
    explicit Service(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace k2s::httpproxy
