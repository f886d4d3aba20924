// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include "common/address.hpp"
#include "vocabulary.hpp"

namespace k2s::httpproxy {

/// Kinds of addresses that belong to the proxy's own host or link, not to the network.
enum class AddressClass : uint8_t {
    ordinary,
    loopback,
    link_local,
    metadata,
    unspecified,
    multicast
};

/// Looks through the IPv6 forms that carry an IPv4 address (mapped, compatible, NAT64), because the
/// kernel or a gateway would deliver to that one.
AddressClass classify(const Address &address);

/// "a loopback address" and the like, for messages.
std::string_view describe(AddressClass kind) noexcept;

/// Whether a client on another machine may be connected to `address`: only ordinary addresses, and
/// those the operator allows. Without this the proxy would lend pods the host's own standing
/// (server-side request forgery against services that trust loopback, cloud metadata).
/// Checked on the address that is dialled, after name resolution.
bool remote_client_may_reach(const Address &address, const std::vector<Cidr> &allowed);

} // namespace k2s::httpproxy
