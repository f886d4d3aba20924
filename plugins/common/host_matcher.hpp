// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "address.hpp"

namespace k2s {

/// Where a request goes, prepared once for any number of matchers.
struct Subject {
    Subject(std::string_view host, uint16_t port);

    /// Without the dot that a fully qualified name may end with.
    void drop_final_dot();

    std::string host; // lower case, without brackets
    std::optional<Address> address;
    uint16_t port;
};

/// A list of hosts, as the bypass list and the routing rules have it: `host` matches the host and
/// everything below it, `.host` and `*.host` only what is below it; an IP address; a CIDR; each
/// (but a CIDR) with an optional `:port`; `*` matches everything; `<local>` host names without a
/// dot; an item with `*` at any other place is a pattern for the whole host (`10.*`, `db*.corp`).
class HostMatcher {
  public:
    /// False when the item can never match anything. `ports`: an item may also be a port alone
    /// (`:443`), which matches that port of every host.
    bool add(std::string_view item, bool ports = false);

    /// The item that matches, as it was given; null: none does. Views into it live as long as this.
    const std::string *match(const Subject &subject) const;

    /// As match, but only by items that are addresses, networks or the whole world's `*`.
    const std::string *match_address(const Address &address, uint16_t port) const;

    bool matches_everything() const noexcept { return !all_.empty(); }

  private:
    struct RangeItem {
        Cidr range;
        std::string text;
    };
    struct AddressItem {
        Address address;
        int port; // -1: any
        std::string text;
    };
    struct NameItem {
        std::string suffix; // ".example.com"
        int port;
        bool bare_too; // the name without its leading dot matches as well
        std::string text;
    };
    struct PatternItem {
        std::string pattern;
        int port;
        std::string text;
    };

    std::vector<RangeItem> ranges_;
    std::vector<AddressItem> addresses_;
    std::vector<NameItem> names_;
    std::vector<PatternItem> patterns_;
    std::string all_;   // "*", or empty
    std::string local_; // "<local>", or empty
};

} // namespace k2s
