// SPDX-License-Identifier: MIT
#include "registry/proxy.hpp"

#include <algorithm>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <openssl/evp.h>

namespace k2s::image {
namespace {

namespace ip = boost::asio::ip;

std::string lower(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    });
    return result;
}

std::string percent_decoded(std::string_view text) {
    const auto digit = [](char c) {
        return c >= '0' && c <= '9'   ? c - '0'
               : c >= 'a' && c <= 'f' ? c - 'a' + 10
               : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                      : -1;
    };
    std::string decoded;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 &&
            digit(text[i + 2]) >= 0) {
            decoded += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
            i += 2;
        } else {
            decoded += text[i];
        }
    }
    return decoded;
}

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
        proxy.authorization = "Basic " + base64(percent_decoded(text.substr(7, at - 7)));
        text = "http://" + text.substr(at + 1);
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

bool in_network(const std::string &item, const ip::address &address) {
    boost::system::error_code wrong;
    if (address.is_v4()) {
        const auto network = ip::make_network_v4(item, wrong);
        return !wrong && (ip::network_v4(address.to_v4(), network.prefix_length()).canonical() ==
                          network.canonical());
    }
    const auto network = ip::make_network_v6(item, wrong);
    return !wrong && (ip::network_v6(address.to_v6(), network.prefix_length()).canonical() ==
                      network.canonical());
}

} // namespace

std::string base64(std::string_view bytes) {
    std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
    const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char *>(text.data()),
                                     reinterpret_cast<const unsigned char *>(bytes.data()),
                                     static_cast<int>(bytes.size()));
    text.resize(static_cast<size_t>(size));
    return text;
}

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
    std::string list = lower(either("no_proxy", "NO_PROXY"));
    std::ranges::replace(list, ' ', ',');
    for (size_t at = 0; at < list.size();) {
        const size_t comma = std::min(list.find(',', at), list.size());
        if (comma > at) {
            settings.direct_.push_back(list.substr(at, comma - at));
        }
        at = comma + 1;
    }
    return settings;
}

bool ProxySettings::direct(const Url &url) const {
    const std::string host = lower(url.host);
    boost::system::error_code no_address;
    const auto address = ip::make_address(host, no_address);
    if (host == "localhost" || (!no_address && address.is_loopback())) {
        return true;
    }
    return std::ranges::any_of(direct_, [&](std::string item) {
        if (item == "*") {
            return true;
        }
        if (const size_t colon = item.rfind(':');
            colon != std::string::npos && item.find(':') == colon) {
            if (item.substr(colon + 1) != std::to_string(url.port)) {
                return false;
            }
            item.resize(colon);
        }
        if (!no_address) {
            return item == host || in_network(item, address);
        }
        if (item.starts_with("*.")) {
            item.erase(0, 1);
        }
        if (item.starts_with('.')) {
            return host.ends_with(item);
        }
        return host == item || host.ends_with("." + item);
    });
}

const ProxySettings::Proxy *ProxySettings::proxy_for(const Url &url) const {
    const auto &proxy = url.secure ? secure_ : plain_;
    return proxy && !direct(url) ? &*proxy : nullptr;
}

} // namespace k2s::image
