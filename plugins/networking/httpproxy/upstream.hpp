// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include <k2s/sdk/error.hpp>

namespace k2s::httpproxy {

class TlsClient;

/// The next proxy on the way out.
struct Upstream {
    enum class Scheme : uint8_t { http, https, socks5 };

    std::string host;
    uint16_t port = 0;
    Scheme scheme = Scheme::http;
    /// Secret, as what follows from them: never logged, never in an error.
    std::string user;
    std::string password;
    /// "Basic …" for Proxy-Authorization, or empty.
    std::string authorization;
    /// Verifies an https upstream.
    std::shared_ptr<TlsClient> verifier;

    /// Takes absolute-form requests; a SOCKS proxy only makes connections.
    bool speaks_http() const noexcept { return scheme != Scheme::socks5; }

    /// scheme://host:port, without credentials: for logs and messages.
    std::string display() const;

    /// `http://[user:pass@]host[:port][/]`, `https://…`, `socks5://…` or `socks5h://…`; without a
    /// scheme http is meant. Default ports are 80, 443 and 1080. User and password may be
    /// percent-encoded. Errors never repeat the text.
    static std::expected<Upstream, Error> parse(std::string_view url);

    /// `user:password`, not encoded. The error does not repeat it.
    std::expected<void, Error> set_credentials(std::string_view text);

  private:
    bool take_credentials(std::string given_user, std::string given_password);
};

/// An upstream as the operator describes it.
struct UpstreamSpec {
    std::string url;
    std::string credentials;      // user:password, or empty
    std::string credentials_file; // whose first line is user:password; wins over `credentials`
    std::string ca_file;          // PEM roots for https; empty: the system's
};

/// Parses the URL, reads the files and makes the verifier.
std::expected<Upstream, Error> make_upstream(const UpstreamSpec &spec);

} // namespace k2s::httpproxy
