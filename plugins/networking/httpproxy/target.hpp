// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <expected>
#include <string_view>

namespace k2s::httpproxy {

/// Where a request wants to go. The views point into the request.
struct Target {
    std::string_view host;      // without brackets
    std::string_view authority; // as written: host, or host:port, with brackets for IPv6
    std::string_view path;      // origin-form: path and query; "*" for a server-wide OPTIONS
    uint16_t port = 0;
};

enum class TargetError : uint8_t {
    origin_form,      // "/path": the client does not know that this is a proxy
    scheme,           // neither http nor ws
    https_scheme,     // must be tunnelled with CONNECT
    user_information, // user:password@host
    host,
    port,
    fragment,
};

std::string_view describe(TargetError error) noexcept;

/// absolute-form, RFC 9112 3.2.2: `http://host[:port][/path][?query]`.
std::expected<Target, TargetError> parse_absolute_target(std::string_view text,
                                                         std::string_view method);

/// authority-form, RFC 9112 3.2.3: `host:port`, both mandatory.
std::expected<Target, TargetError> parse_connect_target(std::string_view text);

} // namespace k2s::httpproxy
