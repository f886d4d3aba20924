// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace k2s::cni {

/// An IPv4 or IPv6 address in network byte order. IPv4-mapped IPv6 is IPv4, as in the reference.
class Address {
  public:
    static std::optional<Address> parse(std::string_view text);
    static Address from_bytes(const void *bytes, std::size_t size);

    bool is_v4() const { return size_ == 4; }
    std::size_t size() const { return size_; }
    const uint8_t *data() const { return bytes_.data(); }
    std::string text() const;

    /// The address after or before it; wraps around at the end of the family.
    Address next() const;
    Address previous() const;
    /// Only its first `length` bits.
    Address masked(unsigned length) const;
    /// With all bits after the first `length` set.
    Address filled(unsigned length) const;

    auto operator<=>(const Address &) const = default;

  private:
    uint8_t size_ = 0; // first, so that all of IPv4 sorts before IPv6
    std::array<uint8_t, 16> bytes_{};
};

/// An address with the length of its network's prefix: 10.1.0.5/16.
struct Prefix {
    Address address;
    unsigned length = 0;

    static std::optional<Prefix> parse(std::string_view text);
    std::string text() const;
    Address network() const { return address.masked(length); }
    bool contains(const Address &other) const {
        return other.size() == address.size() && other.masked(length) == network();
    }
    bool operator==(const Prefix &) const = default;
};

} // namespace k2s::cni
