// SPDX-License-Identifier: MIT
#include "no_proxy.hpp"

#include "dataplane/text.hpp"
#include "vocabulary.hpp"

namespace k2s::httpproxy {
namespace {

struct HostPort {
    std::string_view host;
    std::string_view port;
    bool split = false;
};

// Go's net.SplitHostPort: "host:port" or "[host]:port"; anything else is not split.
HostPort split_host_port(std::string_view text) {
    const size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) {
        return {text, {}, false};
    }
    const std::string_view port = text.substr(colon + 1);
    std::string_view host = text.substr(0, colon);
    if (!text.empty() && text.front() == '[') {
        const size_t close = text.find(']');
        if (close == std::string_view::npos || close + 1 != colon) {
            return {text, {}, false};
        }
        host = text.substr(1, close - 1);
        if (host.find_first_of("[]") != std::string_view::npos) {
            return {text, {}, false};
        }
        return {host, port, true};
    }
    if (host.find_first_of(":[]") != std::string_view::npos ||
        port.find_first_of("[]") != std::string_view::npos) {
        return {text, {}, false};
    }
    return {host, port, true};
}

// `*` stands for any run of characters. Linear in practice: one point of return is enough.
bool wildcard_match(std::string_view pattern, std::string_view text) {
    size_t p = 0;
    size_t t = 0;
    size_t star = std::string_view::npos;
    size_t retry = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            retry = t;
        } else if (p < pattern.size() && pattern[p] == text[t]) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++retry;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') {
        ++p;
    }
    return p == pattern.size();
}

constexpr int k_any_port = -1;
constexpr int k_no_port = -2; // given but not a port number: matches nothing

int port_of(std::string_view text) {
    if (text.empty()) {
        return k_any_port;
    }
    // Compared as text in Go: a leading zero never equals the target's canonical port.
    const auto number = parse_decimal<uint16_t>(text);
    return number && (text.size() == 1 || text.front() != '0') ? *number : k_no_port;
}

bool port_matches(int item, uint16_t port) {
    return item == k_any_port || item == port;
}

bool is_ascii(std::string_view text) {
    for (const char c : text) {
        if (static_cast<unsigned char>(c) >= 0x80) {
            return false;
        }
    }
    return true;
}

} // namespace

NoProxy::NoProxy(std::string_view list) {
    for_each_item(list, [this](std::string_view item) {
        if (!all_) {
            add(to_lower(item));
        }
    });
}

void NoProxy::add(std::string_view item) {
    if (item == "*") {
        all_ = true;
        return;
    }
    if (item == "<local>") {
        local_ = true;
        return;
    }
    if (const auto range = Cidr::parse(item)) {
        ranges_.push_back(*range);
        return;
    }
    const HostPort parts = split_host_port(item);
    std::string_view host = parts.host;
    const int port = parts.split ? port_of(parts.port) : k_any_port;
    if (host.empty() || port == k_no_port || !is_ascii(host) ||
        host.find_first_of("/[]") != std::string_view::npos) {
        ignored_.emplace_back(item);
        return;
    }
    if (const auto address = parse_address(host)) {
        if (address->is_v6() && address->to_v6().scope_id() != 0) {
            ignored_.emplace_back(item);
            return;
        }
        addresses_.push_back({unmapped(*address), port});
        return;
    }
    const size_t star = host.rfind('*');
    if (star != std::string_view::npos && !(star == 0 && host.starts_with("*."))) {
        patterns_.push_back({std::string(host), port});
        return;
    }
    if (host.starts_with("*.")) {
        host.remove_prefix(1);
    }
    NameItem name{std::string(host), port, false};
    if (host.front() != '.') {
        name.suffix.insert(0, 1, '.');
        name.bare_too = true;
    }
    names_.push_back(std::move(name));
}

bool NoProxy::bypass(std::string_view given, uint16_t port) const {
    const std::string host = to_lower(given);
    if (given == "localhost") { // in this case only, as the reference has it
        return true;
    }
    std::optional<Address> address = parse_address(host);
    if (address) {
        address = unmapped(*address);
        if (address->is_loopback()) {
            return true;
        }
    }
    if (all_) {
        return true;
    }
    if (address) {
        if (any_contains(ranges_, *address)) {
            return true;
        }
        for (const AddressItem &item : addresses_) {
            if (item.address == *address && port_matches(item.port, port)) {
                return true;
            }
        }
    }
    for (const NameItem &item : names_) {
        const bool below = host.ends_with(item.suffix);
        const bool same = item.bare_too && host == std::string_view(item.suffix).substr(1);
        if ((below || same) && port_matches(item.port, port)) {
            return true;
        }
    }
    for (const PatternItem &item : patterns_) {
        if (wildcard_match(item.pattern, host) && port_matches(item.port, port)) {
            return true;
        }
    }
    return local_ && !address && host.find('.') == std::string::npos;
}

} // namespace k2s::httpproxy
