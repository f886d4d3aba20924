// SPDX-License-Identifier: MIT
#include "address.hpp"

#include <cstring>
#include <string>

#include "text.hpp"

namespace k2s {
namespace {

namespace ip = boost::asio::ip;

bool same_prefix(const unsigned char *a, const unsigned char *b, unsigned bits) noexcept {
    const unsigned whole = bits / 8;
    if (std::memcmp(a, b, whole) != 0) {
        return false;
    }
    const unsigned rest = bits % 8;
    return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

std::unexpected<Error> bad_cidr(std::string_view text) {
    std::string message = "\"";
    message.append(text.substr(0, 100));
    message += "\" is no address range: write it as ADDRESS/PREFIX, for example 172.20.0.0/16";
    return std::unexpected(Error{K2S_E_USAGE, std::move(message)});
}

} // namespace

Address unmapped(const Address &address) {
    if (address.is_v6() && address.to_v6().is_v4_mapped()) {
        return ip::make_address_v4(ip::v4_mapped, address.to_v6());
    }
    return address;
}

std::optional<Address> parse_address(std::string_view text) {
    char buffer[64];
    if (text.empty() || text.size() >= sizeof buffer || text.find('\0') != std::string_view::npos) {
        return std::nullopt;
    }
    std::memcpy(buffer, text.data(), text.size());
    buffer[text.size()] = '\0';
    boost::system::error_code ec;
    const Address address = ip::make_address(buffer, ec);
    // Windows reads more than addresses: "10.0.0", "010.0.0.0", "[::1]:80".
    if (ec || text.front() == '[' || (address.is_v4() && address.to_string() != text)) {
        return std::nullopt;
    }
    // … and drops the zone of "fe80::1%eth0" when there is no such interface.
    if (text.find('%') != std::string_view::npos && address.to_v6().scope_id() == 0) {
        return std::nullopt;
    }
    return address;
}

std::expected<Cidr, Error> Cidr::parse(std::string_view text) {
    const size_t slash = text.find('/');
    if (slash == std::string_view::npos) {
        return bad_cidr(text);
    }
    const auto address = parse_address(text.substr(0, slash));
    const auto prefix = parse_decimal<unsigned>(text.substr(slash + 1));
    if (!address || !prefix || (address->is_v6() && address->to_v6().scope_id() != 0)) {
        return bad_cidr(text);
    }
    if (*prefix > (address->is_v4() ? 32U : 128U)) {
        return bad_cidr(text);
    }
    Cidr cidr;
    cidr.network_ = unmapped(*address);
    cidr.prefix_ = *prefix;
    if (address->is_v6() && cidr.network_.is_v4()) {
        if (*prefix < 96) { // covers more than the mapped addresses: keep it as IPv6
            cidr.network_ = *address;
        } else {
            cidr.prefix_ = *prefix - 96;
        }
    }
    return cidr;
}

bool Cidr::contains(const Address &given) const {
    const Address address = unmapped(given);
    if (address.is_v4() != network_.is_v4()) {
        return false;
    }
    if (address.is_v4()) {
        const auto a = address.to_v4().to_bytes();
        const auto b = network_.to_v4().to_bytes();
        return same_prefix(a.data(), b.data(), prefix_);
    }
    const auto a = address.to_v6().to_bytes();
    const auto b = network_.to_v6().to_bytes();
    return same_prefix(a.data(), b.data(), prefix_);
}

bool any_contains(const std::vector<Cidr> &ranges, const Address &address) {
    for (const Cidr &range : ranges) {
        if (range.contains(address)) {
            return true;
        }
    }
    return false;
}

} // namespace k2s
