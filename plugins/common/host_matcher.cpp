// SPDX-License-Identifier: MIT
#include "host_matcher.hpp"

#include "text.hpp"

namespace k2s {
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

Subject::Subject(std::string_view given, uint16_t to)
    : host(to_lower(given)), address(parse_address(host)), port(to) {
    if (address) {
        address = unmapped(*address);
    }
}

void Subject::drop_final_dot() {
    if (host.size() > 1 && host.back() == '.') {
        host.pop_back();
    }
}

bool HostMatcher::add(std::string_view given, bool ports) {
    const std::string item = to_lower(given);
    std::string text(given);
    if (item == "*") {
        all_ = std::move(text);
        return true;
    }
    if (item == "<local>") {
        local_ = std::move(text);
        return true;
    }
    if (const auto range = Cidr::parse(item)) {
        ranges_.push_back({*range, std::move(text)});
        return true;
    }
    const HostPort parts = split_host_port(item);
    std::string_view host = parts.host;
    const int port = parts.split ? port_of(parts.port) : k_any_port;
    if (ports && parts.split && host.empty() && port >= 0) {
        patterns_.push_back({"*", port, std::move(text)});
        return true;
    }
    if (host.empty() || port == k_no_port || !is_ascii(host) ||
        host.find_first_of("/[]") != std::string_view::npos) {
        return false;
    }
    if (const auto address = parse_address(host)) {
        if (address->is_v6() && address->to_v6().scope_id() != 0) {
            return false;
        }
        addresses_.push_back({unmapped(*address), port, std::move(text)});
        return true;
    }
    if (host.find(':') != std::string_view::npos) { // no address of this system, and never a name
        return false;
    }
    const size_t star = host.rfind('*');
    if (star != std::string_view::npos && !(star == 0 && host.starts_with("*."))) {
        patterns_.push_back({std::string(host), port, std::move(text)});
        return true;
    }
    if (host.starts_with("*.")) {
        host.remove_prefix(1);
    }
    NameItem name{std::string(host), port, false, std::move(text)};
    if (host.front() != '.') {
        name.suffix.insert(0, 1, '.');
        name.bare_too = true;
    }
    names_.push_back(std::move(name));
    return true;
}

const std::string *HostMatcher::match_address(const Address &address, uint16_t port) const {
    if (!all_.empty()) {
        return &all_;
    }
    for (const RangeItem &item : ranges_) {
        if (item.range.contains(address)) {
            return &item.text;
        }
    }
    for (const AddressItem &item : addresses_) {
        if (item.address == address && port_matches(item.port, port)) {
            return &item.text;
        }
    }
    return nullptr;
}

const std::string *HostMatcher::match(const Subject &subject) const {
    if (!all_.empty()) {
        return &all_;
    }
    if (subject.address) {
        if (const std::string *item = match_address(*subject.address, subject.port)) {
            return item;
        }
    }
    const std::string_view host = subject.host;
    for (const NameItem &item : names_) {
        const bool below = host.ends_with(item.suffix);
        const bool same = item.bare_too && host == std::string_view(item.suffix).substr(1);
        if ((below || same) && port_matches(item.port, subject.port)) {
            return &item.text;
        }
    }
    for (const PatternItem &item : patterns_) {
        if (wildcard_match(item.pattern, host) && port_matches(item.port, subject.port)) {
            return &item.text;
        }
    }
    const bool is_local = !subject.address && host.find('.') == std::string_view::npos;
    return !local_.empty() && is_local ? &local_ : nullptr;
}

} // namespace k2s
