// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "dataplane/stream.hpp"
#include "tls.hpp"

namespace k2s::httpproxy {

/// TLS inside any stream, also inside another TLS. For single exchanges: each byte is copied once
/// more than in TlsClient's own streams.
class TlsSession {
  public:
    TlsSession(TlsClient &client, Stream &carrier, const std::string &host);
    ~TlsSession();
    TlsSession(const TlsSession &) = delete;
    TlsSession &operator=(const TlsSession &) = delete;

    /// Empty, or what went wrong.
    Task<std::string> handshake();
    Task<error_code> write(std::string_view bytes);
    /// At least one byte, or an error.
    Task<IoResult> read_some(net::mutable_buffer into);

    /// "TLSv1.3".
    std::string version() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace k2s::httpproxy
