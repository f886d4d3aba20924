// SPDX-License-Identifier: MIT
#include "cli/address.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>

namespace k2s::core {
namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_hex(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/// A decimal number up to `most` without leading zeros.
std::optional<uint32_t> number(std::string_view text, uint32_t most) {
    if (text.empty() || text.size() > 5 || (text.size() > 1 && text.front() == '0') ||
        !std::all_of(text.begin(), text.end(), is_digit)) {
        return std::nullopt;
    }
    uint32_t value = 0;
    for (const char c : text) {
        value = value * 10 + static_cast<uint32_t>(c - '0');
    }
    return value <= most ? std::optional(value) : std::nullopt;
}

/// How many 16-bit groups the colon-separated `text` has; nothing if one is malformed. The last
/// may be an IPv4 address, which counts for two.
std::optional<int> groups(std::string_view text, bool may_end_in_ipv4) {
    if (text.empty()) {
        return 0;
    }
    for (int count = 0;;) {
        const auto colon = text.find(':');
        const auto group = text.substr(0, colon);
        if (colon == std::string_view::npos && may_end_in_ipv4 && is_ipv4(group)) {
            return count + 2;
        }
        if (group.empty() || group.size() > 4 || !std::all_of(group.begin(), group.end(), is_hex) ||
            ++count > 8) {
            return std::nullopt;
        }
        if (colon == std::string_view::npos) {
            return count;
        }
        text.remove_prefix(colon + 1);
    }
}

bool is_bracketed_ipv6(std::string_view text) {
    if (text.size() < 4 || text.front() != '[' || text.back() != ']') {
        return false;
    }
    text = text.substr(1, text.size() - 2);
    const auto zone = text.find('%'); // RFC 4007: fe80::1%eth0
    return is_ipv6(text.substr(0, zone)) &&
           (zone == std::string_view::npos || zone + 1 < text.size());
}

/// Splits at the colon before the port; an IPv6 address keeps its own colons.
bool split_port(std::string_view text, std::string_view &host, std::string_view &port) {
    const auto bracket = text.rfind(']');
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos || (bracket != std::string_view::npos && colon < bracket)) {
        return false;
    }
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    return true;
}

} // namespace

bool is_ipv4(std::string_view text) {
    for (int part = 0;; ++part) {
        const auto dot = text.find('.');
        if (!number(text.substr(0, dot), 255)) {
            return false;
        }
        if (dot == std::string_view::npos) {
            return part == 3;
        }
        text.remove_prefix(dot + 1);
    }
}

bool is_ipv6(std::string_view text) {
    const auto gap = text.find("::");
    if (gap == std::string_view::npos) {
        return groups(text, true) == 8;
    }
    const auto head = groups(text.substr(0, gap), false);
    const auto tail = groups(text.substr(gap + 2), true);
    return head && tail && *head + *tail <= 7;
}

bool is_cidr(std::string_view text) {
    const auto slash = text.rfind('/');
    if (slash == std::string_view::npos) {
        return false;
    }
    const auto base = text.substr(0, slash);
    const auto length = text.substr(slash + 1);
    return (is_ipv4(base) && number(length, 32)) || (is_ipv6(base) && number(length, 128));
}

bool is_host(std::string_view text) {
    if (text.empty() || text.size() > 253) {
        return false;
    }
    if (text.back() == '.') {
        text.remove_suffix(1); // a fully qualified name
    }
    // Digits and dots only is an address, and then it has to be a right one.
    if (std::all_of(text.begin(), text.end(), [](char c) { return is_digit(c) || c == '.'; })) {
        return is_ipv4(text);
    }
    for (;;) {
        const auto dot = text.find('.');
        const auto label = text.substr(0, dot);
        if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-' ||
            !std::all_of(label.begin(), label.end(), [](char c) {
                return is_digit(c) || is_letter(c) || c == '-' || c == '_';
            })) {
            return false;
        }
        if (dot == std::string_view::npos) {
            return true;
        }
        text.remove_prefix(dot + 1);
    }
}

bool is_address(std::string_view text) {
    std::string_view host;
    std::string_view port;
    return split_port(text, host, port) && number(port, 65535) &&
           (host.empty() || is_host(host) || is_bracketed_ipv6(host));
}

bool is_url(std::string_view text) {
    const auto is_visible = [](char c) {
        return static_cast<unsigned char>(c) > 0x20 && c != 0x7F;
    };
    const auto end = text.find("://");
    if (end == std::string_view::npos || end == 0 || !is_letter(text.front()) ||
        !std::all_of(text.begin(), text.end(), is_visible)) {
        return false;
    }
    const auto scheme = text.substr(0, end);
    if (!std::all_of(scheme.begin(), scheme.end(), [](char c) {
            return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
        })) {
        return false;
    }
    auto authority = text.substr(end + 3);
    authority = authority.substr(0, authority.find_first_of("/?#"));
    if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
        authority.remove_prefix(at + 1);
    }
    auto host = authority;
    std::string_view port;
    if (split_port(authority, host, port) && number(port, 65535).value_or(0) == 0) {
        return false; // "http://http://proxy" ends here: its port is empty
    }
    return is_host(host) || is_bracketed_ipv6(host);
}

} // namespace k2s::core
