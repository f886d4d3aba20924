// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "net.hpp"

namespace k2s::dataplane {

/// A connected byte stream, plain or TLS. At most one read and one write at a time.
class Stream {
  public:
    explicit Stream(Socket socket) : socket_(std::move(socket)) {}
    virtual ~Stream() = default;
    Stream(const Stream &) = delete;
    Stream &operator=(const Stream &) = delete;

    /// What must happen before the first byte; empty when done, else what went wrong.
    virtual Task<std::string> handshake();

    /// At least one byte, or an error (net::error::eof at the end).
    virtual Task<IoResult> read_some(net::mutable_buffer into) = 0;

    /// All of `first` and then all of `second`, in one gathered write where possible.
    virtual Task<IoResult> write(std::string_view first, std::string_view second) = 0;

    /// Tells the peer that no more bytes come; reading goes on.
    virtual Task<error_code> shutdown_send() = 0;

    /// The socket, when its bytes are the stream's bytes: it may then be read and written directly.
    virtual Socket *plain() noexcept { return nullptr; }

    /// Pending operations end with operation_aborted.
    void cancel() noexcept;
    void close() noexcept;

    Socket &socket() noexcept { return socket_; }

  protected:
    Socket socket_;
};

class PlainStream final : public Stream {
  public:
    using Stream::Stream;
    Task<IoResult> read_some(net::mutable_buffer into) override;
    Task<IoResult> write(std::string_view first, std::string_view second) override;
    Task<error_code> shutdown_send() override;
    Socket *plain() noexcept override { return &socket_; }
};

/// No delay for small writes (each write is a whole message part) and non-blocking for both Asio
/// and the direct calls of PlainStream.
void prepare_socket(Socket &socket) noexcept;

} // namespace k2s::dataplane
