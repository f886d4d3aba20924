// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>

#include "util/result.hpp"

namespace k2s::core {

class App;
class ServiceHost;

/// What a running host answers on its admin endpoint: GET /healthz, /readyz, /metrics, /state; from
/// the local socket or pipe also POST /reload and /stop.
class AdminEndpoint {
  public:
    /// Opens the endpoints that the configuration asks for; `name` is the host's, empty: no local
    /// endpoint. K2S_E_EXISTS when a host with this name is running.
    static Result<std::unique_ptr<AdminEndpoint>> open(App &app, ServiceHost &host,
                                                       const std::string &name);
    ~AdminEndpoint();
    AdminEndpoint(const AdminEndpoint &) = delete;
    AdminEndpoint &operator=(const AdminEndpoint &) = delete;

  private:
    struct Impl;
    explicit AdminEndpoint(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace k2s::core
