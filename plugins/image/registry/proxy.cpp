// SPDX-License-Identifier: MIT
#include "registry/proxy.hpp"

#include "common/encoding.hpp"

namespace k2s::image {
namespace {

/// Errors never repeat the text, which may hold a password.
Result<std::optional<ProxySettings::Proxy>> parse_proxy(const std::string &given,
                                                        const char *name) {
    if (given.empty()) {
        return std::nullopt;
    }
    std::string text = given;
    if (text.find("://") == std::string::npos) {
        text = "http://" + text;
    }
    ProxySettings::Proxy proxy;
    if (const size_t at = text.rfind('@'); text.starts_with("http://") && at != std::string::npos) {
        const auto credentials = percent_decoded(text.substr(7, at - 7));
        // Without them Url::parse sees an URL with a password, and refuses it.
        if (credentials) {
            proxy.authorization = "Basic " + base64(*credentials);
            text = "http://" + text.substr(at + 1);
        }
    }
    const auto url = Url::parse(text);
    if (!url || url->secure) {
        return fail(
            K2S_E_CONFIG,
            "the proxy in {} is none that is known here; give http://[USER:PASSWORD@]HOST:PORT",
            name);
    }
    proxy.host = url->host;
    proxy.port = url->port;
    return proxy;
}

} // namespace

Result<ProxySettings>
ProxySettings::read(const std::function<std::string(const char *)> &variable) {
    const auto either = [&](const char *small, const char *large) {
        const std::string value = variable(small);
        return value.empty() ? variable(large) : value;
    };
    ProxySettings settings;
    auto plain = parse_proxy(either("http_proxy", "HTTP_PROXY"), "HTTP_PROXY");
    auto secure = parse_proxy(either("https_proxy", "HTTPS_PROXY"), "HTTPS_PROXY");
    if (!plain || !secure) {
        return std::unexpected(plain ? secure.error() : plain.error());
    }
    settings.plain_ = std::move(*plain);
    settings.secure_ = std::move(*secure);
    settings.direct_ = NoProxy(either("no_proxy", "NO_PROXY"));
    return settings;
}

const ProxySettings::Proxy *ProxySettings::proxy_for(const Url &url) const {
    const auto &proxy = url.secure ? secure_ : plain_;
    return proxy && !direct_.bypass(url.host, url.port) ? &*proxy : nullptr;
}

} // namespace k2s::image
