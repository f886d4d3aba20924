// SPDX-License-Identifier: MIT
#pragma once

#include <expected>
#include <optional>
#include <string_view>
#include <vector>

#include <boost/asio/ip/address.hpp>

#include <k2s/sdk/error.hpp>

namespace k2s {

using Address = boost::asio::ip::address;

/// IPv4-mapped IPv6 addresses (::ffff:a.b.c.d) as the IPv4 address they mean; others unchanged.
/// Dual-stack sockets report IPv4 clients in the mapped form.
Address unmapped(const Address &address);

/// A literal IPv4 or IPv6 address in its standard form (no octal, no short forms, no brackets).
std::optional<Address> parse_address(std::string_view text);

/// An address range such as 172.20.0.0/16 or fd00::/8.
class Cidr {
  public:
    /// Strict: an address and a prefix length; the bits after the prefix may be set and are
    /// ignored.
    static std::expected<Cidr, Error> parse(std::string_view text);

    /// Mapped addresses count as IPv4.
    bool contains(const Address &address) const;

  private:
    Address network_;
    unsigned prefix_ = 0;
};

bool any_contains(const std::vector<Cidr> &ranges, const Address &address);

} // namespace k2s
