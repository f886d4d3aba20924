// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "native_socket.hpp"
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

    /// Nothing waits to be read, and the peer has not ended: what is read after the next write
    /// answers it.
    virtual bool quiet() noexcept;

    /// The socket, when its bytes are the stream's bytes: it may then be read and written directly.
    virtual Socket *plain() noexcept { return nullptr; }
    /// Likewise, and takes it out of the stream, which is closed then; else invalid.
    virtual NativeSocket release() noexcept { return {}; }

    /// Pending operations end with operation_aborted.
    void cancel() noexcept;
    virtual void close() noexcept;

  protected:
    Socket socket_;
};

class PlainStream final : public Stream {
  public:
    using Stream::Stream;
    /// linux/, windows/stream.cpp: of a socket that no io_context knows. On Linux none gets to know
    /// it before something has to be waited for: many connections are handed to a relay without
    /// that, which spares six system calls. `readable`: the peer has probably sent something.
    PlainStream(net::io_context &io, NativeSocket socket, int family, bool readable);

    Task<IoResult> read_some(net::mutable_buffer into) override;
    Task<IoResult> write(std::string_view first, std::string_view second) override;
    Task<error_code> shutdown_send() override;
    bool quiet() noexcept override;
    Socket *plain() noexcept override { return &socket(); }
    NativeSocket release() noexcept override;
    void close() noexcept override;

    Socket &socket() noexcept;
    NativeSocket::Handle handle() noexcept;

  private:
    // linux/, windows/stream.cpp
    IoResult receive_now(net::mutable_buffer into) noexcept;
    IoResult send_now(std::string_view first, std::string_view second) noexcept;

    NativeSocket native_; // while Asio does not know it
    int family_ = 0;
    bool readable_ = false;
};

/// No delay for small writes (each write is a whole message part) and non-blocking for both Asio
/// and the direct calls of PlainStream.
void prepare_socket(Socket &socket) noexcept;

} // namespace k2s::dataplane
