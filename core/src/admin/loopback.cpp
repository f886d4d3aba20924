// SPDX-License-Identifier: MIT
#include "admin/loopback.hpp"

#include <algorithm>
#include <charconv>

#include <boost/asio/ip/address.hpp>

namespace k2s::core::admin {

namespace {

struct Split {
    std::string_view host;
    std::string_view port;
    bool has_port = false;
};

Split split(std::string_view text) {
    if (text.starts_with('[')) {
        const auto close = text.find(']');
        if (close == std::string_view::npos) {
            return {};
        }
        const auto rest = text.substr(close + 1);
        if (!rest.empty() && rest.front() != ':') {
            return {};
        }
        return {text.substr(1, close - 1), rest.substr(rest.empty() ? 0 : 1), !rest.empty()};
    }
    const auto colon = text.find(':');
    if (colon == std::string_view::npos) {
        return {text, {}, false};
    }
    return {text.substr(0, colon), text.substr(colon + 1), true};
}

bool is_localhost(std::string_view host) {
    constexpr std::string_view k_name = "localhost";
    return host.size() == k_name.size() &&
           std::equal(host.begin(), host.end(), k_name.begin(),
                      [](char a, char b) { return (a | 0x20) == b; });
}

bool is_loopback(std::string_view host) {
    boost::system::error_code failed;
    const auto address = boost::asio::ip::make_address(std::string(host), failed);
    if (failed || host.front() == '[' || (address.is_v4() && address.to_string() != host)) {
        return false; // Windows reads more than addresses: "127.1", "[::1]:80"
    }
    return address.is_loopback();
}

bool parse_port(std::string_view text, std::uint16_t &port) {
    const auto *end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, port);
    return !text.empty() && parsed.ec == std::errc() && parsed.ptr == end;
}

} // namespace

Result<LoopbackAddress> parse_loopback(std::string_view text) {
    const auto parts = split(text);
    LoopbackAddress address;
    if (!parts.has_port || !parse_port(parts.port, address.port)) {
        return fail(K2S_E_USAGE, "'{}' is not an address and a port, like 127.0.0.1:9181", text);
    }
    if (is_localhost(parts.host)) {
        address.host = "127.0.0.1";
    } else if (is_loopback(parts.host)) {
        address.host = parts.host;
    } else {
        return fail(K2S_E_USAGE,
                    "'{}' is not a loopback address; health and metrics are served to this machine "
                    "only (127.0.0.1, [::1] or localhost): put a proxy in front for others",
                    text);
    }
    return address;
}

bool names_loopback(std::string_view host_header) {
    const auto parts = split(host_header);
    std::uint16_t port = 0;
    return (!parts.has_port || parse_port(parts.port, port)) &&
           (is_localhost(parts.host) || is_loopback(parts.host));
}

} // namespace k2s::core::admin
