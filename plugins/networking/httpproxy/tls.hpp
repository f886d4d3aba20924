// SPDX-License-Identifier: MIT
#pragma once

#include <expected>
#include <memory>
#include <string>

#include <k2s/sdk/error.hpp>

#include "dataplane/stream.hpp"
#include "vocabulary.hpp"

// The only part of the engine that needs OpenSSL, so that it can move into a module of its own.
namespace k2s::httpproxy {

/// Client side of TLS 1.2 and 1.3 with verified certificates.
class TlsClient {
  public:
    virtual ~TlsClient() = default;

    /// A stream over a connected socket; its handshake() succeeds only when the certificate chain
    /// is trusted and valid for `host` (a name or an IP address). Keeps the client's context alive.
    virtual std::unique_ptr<Stream> wrap(Socket socket, const std::string &host) = 0;

    /// A TLS session of its own (SSL *, the caller's to free) that verifies `host` as wrap() does
    /// and moves no bytes by itself.
    virtual void *new_session(const std::string &host) = 0;

    /// Trusts the certificates of `ca_file` (PEM), or the system's when it is empty.
    static std::expected<std::shared_ptr<TlsClient>, Error> create(const std::string &ca_file);
};

/// Why the handshake of this session (SSL *) failed.
std::string describe_handshake_failure(void *session, const std::string &reason);

} // namespace k2s::httpproxy
