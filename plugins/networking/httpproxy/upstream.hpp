// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include <k2s/sdk/error.hpp>

namespace k2s::httpproxy {

/// The next proxy on the way out.
struct Upstream {
    std::string host;
    uint16_t port = 0;
    bool tls = false;
    /// "Basic …" for Proxy-Authorization, or empty. Secret: never logged, never in an error.
    std::string authorization;

    /// scheme://host:port, without credentials: for logs and messages.
    std::string display() const;

    /// `http://[user:pass@]host[:port][/]` or `https://…`; without a scheme http is meant. Default
    /// ports are 80 and 443. User and password may be percent-encoded. Errors never repeat the
    /// text.
    static std::expected<Upstream, Error> parse(std::string_view url);
};

} // namespace k2s::httpproxy
