// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dataplane/address.hpp"
#include "vocabulary.hpp"

namespace k2s::httpproxy {

/// The bypass list (NO_PROXY): which targets are dialled directly although an upstream proxy is
/// set.
///
/// Same decisions as golang.org/x/net/http/httpproxy: items are separated by commas; `host` matches
/// the host and everything below it, `.host` and `*.host` only what is below it; an IP address, a
/// CIDR; each (but a CIDR) with an optional `:port`; a lone `*` matches everything. `localhost` and
/// loopback addresses are always direct.
///
/// In addition, as Windows' ProxyOverride has them: `<local>` matches host names without a dot, and
/// an item with `*` at any other place is a wildcard pattern for the whole host (`10.*`,
/// `db*.corp`).
class NoProxy {
  public:
    NoProxy() = default;
    explicit NoProxy(std::string_view list);

    /// `host` without brackets, in any case.
    bool bypass(std::string_view host, uint16_t port) const;

    /// Items that can never match anything, for a warning at start.
    const std::vector<std::string> &ignored() const noexcept { return ignored_; }

  private:
    struct AddressItem {
        Address address;
        int port; // -1: any
    };
    struct NameItem {
        std::string suffix; // ".example.com"
        int port;
        bool bare_too; // the name without its leading dot matches as well
    };
    struct PatternItem {
        std::string pattern;
        int port;
    };

    void add(std::string_view item);

    std::vector<Cidr> ranges_;
    std::vector<AddressItem> addresses_;
    std::vector<NameItem> names_;
    std::vector<PatternItem> patterns_;
    std::vector<std::string> ignored_;
    bool all_ = false;
    bool local_ = false;
};

} // namespace k2s::httpproxy
