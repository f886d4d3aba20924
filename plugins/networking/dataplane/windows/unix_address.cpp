// SPDX-License-Identifier: MIT
#include "../unix_address.hpp"

namespace k2s::dataplane {

SocketAddress UnixAddress::endpoint() const {
    return {};
}

std::expected<std::shared_ptr<void>, error_code> bind_unix(Acceptor &, const UnixAddress &) {
    return std::unexpected(error_code(net::error::address_family_not_supported));
}

} // namespace k2s::dataplane
