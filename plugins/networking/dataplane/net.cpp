// SPDX-License-Identifier: MIT
#include "net.hpp"

#include <cstring>

namespace k2s::dataplane {

// By the family, which is always there: AcceptEx may leave the length out.
Endpoint ip_endpoint(const SocketAddress &address) noexcept {
    Endpoint endpoint;
    const int family = address.protocol().family();
    // Windows tells the peer of an accepted socket in a longer structure than the family's.
    const size_t size = family == AF_INET    ? sizeof(sockaddr_in)
                        : family == AF_INET6 ? sizeof(sockaddr_in6)
                                             : 0;
    if (size != 0 && address.size() >= size) {
        std::memcpy(endpoint.data(), address.data(), size);
    }
    return endpoint;
}

} // namespace k2s::dataplane
