// SPDX-License-Identifier: MIT
#include "net.hpp"

#include <cstring>

namespace k2s::dataplane {

// By the family, which is always there: AcceptEx may leave the length out.
Endpoint ip_endpoint(const SocketAddress &address) noexcept {
    Endpoint endpoint;
    const int family = address.protocol().family();
    // By the family, not by address.size(): Windows says 128 there or, after an accept, 0.
    const size_t size = family == AF_INET    ? sizeof(sockaddr_in)
                        : family == AF_INET6 ? sizeof(sockaddr_in6)
                                             : 0;
    if (size != 0) {
        std::memcpy(endpoint.data(), address.data(), size);
    }
    return endpoint;
}

} // namespace k2s::dataplane
