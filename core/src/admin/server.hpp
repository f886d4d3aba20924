// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "admin/endpoint.hpp"
#include "admin/message.hpp"
#include "util/result.hpp"

/// How a running host is asked and told things: HTTP/1.1 with JSON bodies over a local endpoint
/// that only its own user and root (SYSTEM, administrators) can use; and, when configured, a
/// loopback HTTP listener for probes and scrapers that can only read.
namespace k2s::core::admin {

struct ServerOptions {
    fs::path endpoint; // of endpoint_of(); empty: none
    /// "127.0.0.1:9181", "[::1]:9181", "localhost:0"; empty: none. Serves GET and HEAD of /healthz,
    /// /readyz, /metrics and /state, and only when the Host header names a loopback address too (a
    /// web page whose name was re-bound to 127.0.0.1 sends its own).
    std::string http_address;
    Handler handler;
};

class Server {
  public:
    /// Errors: K2S_E_EXISTS (another host has the endpoint, named by its pid; or the port is in
    /// use), K2S_E_USAGE (the HTTP address is not a loopback one), K2S_E_PERMISSION, K2S_E_FAILED.
    /// An endpoint that a dead host left behind is replaced.
    static Result<Server> start(ServerOptions options);

    Server(Server &&) noexcept;
    Server &operator=(Server &&) = delete;
    /// Closes everything and waits for a handler that is running. Never from within a handler.
    ~Server();

    /// The port of the HTTP listener (useful when it was 0); 0 without one.
    [[nodiscard]] std::uint16_t http_port() const;

    class Running;

  private:
    explicit Server(std::unique_ptr<Running> running);
    std::unique_ptr<Running> running_;
};

} // namespace k2s::core::admin
