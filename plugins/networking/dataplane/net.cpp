// SPDX-License-Identifier: MIT
#include "net.hpp"

#include <cstring>

namespace k2s::dataplane {

// By the family, which is always there: AcceptEx may leave the length out.
Endpoint ip_endpoint(const SocketAddress &address) noexcept {
    Endpoint endpoint;
    const int family = address.protocol().family();
    if (family == AF_INET) {
        std::memcpy(endpoint.data(), address.data(), sizeof(sockaddr_in));
    } else if (family == AF_INET6) {
        std::memcpy(endpoint.data(), address.data(), sizeof(sockaddr_in6));
    }
    return endpoint;
}

} // namespace k2s::dataplane
