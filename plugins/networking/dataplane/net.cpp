// SPDX-License-Identifier: MIT
#include "net.hpp"

#include <cstring>

namespace k2s::dataplane {

Endpoint ip_endpoint(const SocketAddress &address) noexcept {
    Endpoint endpoint;
    const int family = address.protocol().family();
    if ((family == AF_INET || family == AF_INET6) && address.size() <= endpoint.capacity()) {
        std::memcpy(endpoint.data(), address.data(), address.size());
    }
    return endpoint;
}

} // namespace k2s::dataplane
