// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <memory>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#ifdef _WIN32
#include <boost/asio/windows/stream_handle.hpp>
#else
#include <boost/asio/local/stream_protocol.hpp>
#endif

#include "admin/endpoint.hpp"

/// The transport of the local endpoint: the two ends of a Unix socket or a named pipe.
namespace k2s::core::admin {

namespace asio = boost::asio;

#ifdef _WIN32
using LocalStream = asio::windows::stream_handle;
#else
using LocalStream = asio::local::stream_protocol::socket;
#endif

/// The listening end. Owns the name: it is free again when this goes away, or this process does.
class LocalListener {
  public:
    static Result<LocalListener> open(asio::io_context &context, const fs::path &endpoint);
    LocalListener(LocalListener &&) noexcept;
    LocalListener &operator=(LocalListener &&) = delete;
    ~LocalListener();

    /// The next client, on an executor of its own; throws boost::system::system_error when closed.
    asio::awaitable<LocalStream> accept();

  private:
    struct State;
    explicit LocalListener(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

/// True when the client is this process's user, root, SYSTEM or an administrator. To be asked after
/// something was read from it (Windows knows the client only then).
bool peer_is_trusted(LocalStream &stream);

/// The client's end. Errors as of admin::request.
Result<LocalStream> connect_local(asio::io_context &context, const fs::path &endpoint,
                                  std::chrono::milliseconds timeout);

} // namespace k2s::core::admin
