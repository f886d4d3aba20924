// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "common/no_proxy.hpp"
#include "registry/url.hpp"

namespace k2s::image {

/// The way out, as HTTP_PROXY, HTTPS_PROXY and NO_PROXY (or in lower case) describe it.
class ProxySettings {
  public:
    struct Proxy {
        std::string host;
        uint16_t port = 0;
        std::string authorization; // "Basic …", or empty; a secret
    };

    ProxySettings() = default;
    /// `variable` gives an environment variable's value, or empty. Only http proxies are known.
    static Result<ProxySettings> read(const std::function<std::string(const char *)> &variable);

    /// Nothing: directly. Loopback addresses and `localhost` always are.
    const Proxy *proxy_for(const Url &url) const;

  private:
    std::optional<Proxy> plain_, secure_;
    NoProxy direct_;
};

} // namespace k2s::image
