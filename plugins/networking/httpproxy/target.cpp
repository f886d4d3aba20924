// SPDX-License-Identifier: MIT
#include "target.hpp"

#include "common/address.hpp"
#include "common/text.hpp"
#include "vocabulary.hpp"

namespace k2s::httpproxy {
namespace {

// What ends in a number is an address to a resolver ("0177.1", "0x7f.1", "2130706433"), whatever it
// is to a matcher: only the standard form may pass.
bool is_odd_address(std::string_view host) noexcept {
    std::string_view last = host.ends_with('.') ? host.substr(0, host.size() - 1) : host;
    last = last.substr(last.rfind('.') + 1);
    const bool hex = last.starts_with("0x") || last.starts_with("0X");
    for (const char c : hex ? last.substr(2) : last) {
        const char lower = ascii_lower(c);
        if (!ascii_digit(c) && !(hex && lower >= 'a' && lower <= 'f')) {
            return false;
        }
    }
    return !parse_address(host);
}

// Strict on purpose: what a resolver, a matcher and an upstream could read differently is refused.
bool is_host_name(std::string_view host) noexcept {
    if (host.empty() || host.size() > 255) {
        return false;
    }
    for (const char c : host) {
        if (!ascii_alnum(c) && c != '-' && c != '.' && c != '_' && c != '~') {
            return false;
        }
    }
    return host.front() != '.' && host.front() != '-' &&
           host.find("..") == std::string_view::npos && !is_odd_address(host);
}

// Splits "host", "host:port", "[v6]", "[v6]:port"; `default_port` 0 makes the port mandatory.
std::expected<Target, TargetError> parse_authority(std::string_view text, uint16_t default_port) {
    Target target;
    target.authority = text;
    target.port = default_port;
    std::string_view port;
    bool has_port = false;
    if (text.starts_with('[')) {
        const size_t close = text.find(']');
        if (close == std::string_view::npos) {
            return std::unexpected(TargetError::host);
        }
        target.host = text.substr(1, close - 1);
        const auto address = parse_address(target.host);
        if (!address || !address->is_v6() || address->to_v6().scope_id() != 0) {
            return std::unexpected(TargetError::host);
        }
        const std::string_view rest = text.substr(close + 1);
        if (!rest.empty() && rest.front() != ':') {
            return std::unexpected(TargetError::host);
        }
        has_port = !rest.empty();
        port = has_port ? rest.substr(1) : std::string_view{};
    } else {
        const size_t colon = text.find(':');
        target.host = text.substr(0, colon);
        if (!is_host_name(target.host)) {
            return std::unexpected(TargetError::host);
        }
        has_port = colon != std::string_view::npos;
        port = has_port ? text.substr(colon + 1) : std::string_view{};
    }
    if (has_port) {
        const auto number = parse_decimal<uint16_t>(port);
        if (!number || *number == 0) {
            return std::unexpected(TargetError::port);
        }
        target.port = *number;
    } else if (default_port == 0) {
        return std::unexpected(TargetError::port);
    }
    return target;
}

} // namespace

std::string_view describe(TargetError error) noexcept {
    switch (error) {
    case TargetError::origin_form:
        return "this is a forward proxy, not a web server: configure its address as the HTTP proxy "
               "of your client";
    case TargetError::scheme:
        return "only http:// targets are forwarded; everything else goes through CONNECT";
    case TargetError::https_scheme:
        return "https:// targets must be tunnelled with CONNECT";
    case TargetError::user_information:
        return "user information in the request target is refused; send an Authorization header";
    case TargetError::host:
        return "the host in the request target is malformed";
    case TargetError::port:
        return "the port in the request target is missing, zero or malformed";
    case TargetError::fragment:
        return "a fragment (#) does not belong into a request target";
    }
    return "the request target is malformed";
}

std::expected<Target, TargetError> parse_absolute_target(std::string_view text,
                                                         std::string_view method) {
    if (text.front() == '/' || text == "*") {
        return std::unexpected(TargetError::origin_form);
    }
    const size_t colon = text.find("://");
    if (colon == std::string_view::npos) {
        return std::unexpected(TargetError::scheme);
    }
    const std::string_view scheme = text.substr(0, colon);
    if (iequals(scheme, "https") || iequals(scheme, "wss")) {
        return std::unexpected(TargetError::https_scheme);
    }
    if (!iequals(scheme, "http") && !iequals(scheme, "ws")) {
        return std::unexpected(TargetError::scheme);
    }
    const std::string_view rest = text.substr(colon + 3);
    if (rest.find('#') != std::string_view::npos) {
        return std::unexpected(TargetError::fragment);
    }
    const size_t end = rest.find_first_of("/?");
    const std::string_view authority = rest.substr(0, end);
    if (authority.find('@') != std::string_view::npos) {
        return std::unexpected(TargetError::user_information);
    }
    auto target = parse_authority(authority, 80);
    if (!target) {
        return target;
    }
    if (end != std::string_view::npos) {
        target->path = rest.substr(end); // "?query" without a path gets its slash when written
    } else {
        target->path = method == "OPTIONS" ? "*" : "/";
    }
    return target;
}

std::expected<Target, TargetError> parse_connect_target(std::string_view text) {
    if (text.front() == '/' || text == "*") {
        return std::unexpected(TargetError::origin_form);
    }
    if (text.find('@') != std::string_view::npos) {
        return std::unexpected(TargetError::user_information);
    }
    return parse_authority(text, 0);
}

} // namespace k2s::httpproxy
