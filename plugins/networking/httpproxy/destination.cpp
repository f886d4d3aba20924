// SPDX-License-Identifier: MIT
#include "destination.hpp"

#include <cstring>

namespace k2s::httpproxy {
namespace {

namespace ip = boost::asio::ip;

AddressClass classify_v4(const ip::address_v4 &address) {
    const auto bytes = address.to_bytes();
    if (bytes[0] == 127) {
        return AddressClass::loopback;
    }
    if (address.to_uint() == 0xA9FEA9FE) { // 169.254.169.254
        return AddressClass::metadata;
    }
    if (bytes[0] == 169 && bytes[1] == 254) {
        return AddressClass::link_local;
    }
    if (bytes[0] == 0) { // Linux connects 0.0.0.0 to loopback
        return AddressClass::unspecified;
    }
    if (bytes[0] >= 224) { // multicast, reserved, broadcast
        return bytes[0] < 240 || address.to_uint() == 0xFFFFFFFF ? AddressClass::multicast
                                                                 : AddressClass::unspecified;
    }
    return AddressClass::ordinary;
}

} // namespace

AddressClass classify(const Address &given) {
    if (given.is_v4()) {
        return classify_v4(given.to_v4());
    }
    const ip::address_v6 address = given.to_v6();
    if (address.is_loopback()) {
        return AddressClass::loopback;
    }
    if (address.is_unspecified()) {
        return AddressClass::unspecified;
    }
    const auto bytes = address.to_bytes();
    static constexpr unsigned char k_zero[12] = {};
    static constexpr unsigned char k_mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    static constexpr unsigned char k_nat64[12] = {0, 0x64, 0xff, 0x9b};
    for (const auto *prefix : {k_zero, k_mapped, k_nat64}) {
        if (std::memcmp(bytes.data(), prefix, 12) == 0) {
            return classify_v4(ip::address_v4(
                ip::address_v4::bytes_type{bytes[12], bytes[13], bytes[14], bytes[15]}));
        }
    }
    // fd00:ec2::254: the IPv6 metadata service of a large cloud.
    static constexpr unsigned char k_metadata[16] = {0xfd, 0, 0x0e, 0xc2, 0, 0, 0,    0,
                                                     0,    0, 0,    0,    0, 0, 0x02, 0x54};
    if (std::memcmp(bytes.data(), k_metadata, 16) == 0) {
        return AddressClass::metadata;
    }
    if (address.is_link_local()) {
        return AddressClass::link_local;
    }
    return address.is_multicast() ? AddressClass::multicast : AddressClass::ordinary;
}

std::string_view describe(AddressClass kind) noexcept {
    switch (kind) {
    case AddressClass::ordinary:
        return "an ordinary address";
    case AddressClass::loopback:
        return "a loopback address";
    case AddressClass::link_local:
        return "a link-local address";
    case AddressClass::metadata:
        return "a cloud metadata address";
    case AddressClass::unspecified:
        return "an unspecified or reserved address";
    case AddressClass::multicast:
        return "a multicast or broadcast address";
    }
    return "an address";
}

bool remote_client_may_reach(const Address &address, const std::vector<Cidr> &allowed) {
    return classify(address) == AddressClass::ordinary || any_contains(allowed, address);
}

} // namespace k2s::httpproxy
