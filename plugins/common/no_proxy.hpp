// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "host_matcher.hpp"

namespace k2s {

/// The bypass list (NO_PROXY): which targets are dialled directly although an upstream proxy is
/// set.
///
/// Same decisions as golang.org/x/net/http/httpproxy: items of a HostMatcher, separated by commas;
/// `localhost` and loopback addresses are always direct. `<local>` and `*` at any place of an item
/// are additions, as Windows' ProxyOverride has them.
class NoProxy {
  public:
    /// What match() gives for a target on this host, which is always direct.
    static constexpr std::string_view k_loopback = "(loopback)";

    NoProxy() = default;
    explicit NoProxy(std::string_view list);

    /// The item that sends this target out directly, as it was given; empty: none does. `host`
    /// without brackets, in any case.
    std::string_view match(std::string_view host, uint16_t port) const;

    bool bypass(std::string_view host, uint16_t port) const { return !match(host, port).empty(); }

    /// Items that can never match anything, for a warning at start.
    const std::vector<std::string> &ignored() const noexcept { return ignored_; }

  private:
    HostMatcher items_;
    std::vector<std::string> ignored_;
};

} // namespace k2s
