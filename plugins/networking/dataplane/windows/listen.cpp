// SPDX-License-Identifier: MIT
#include "../listener.hpp"

#include "../stream.hpp"

namespace k2s::dataplane {

// SO_REUSEADDR on Windows would let any other process take over the port; this is its opposite.
error_code set_listener_options(Acceptor &acceptor, bool shared) {
    if (shared) {
        return net::error::operation_not_supported;
    }
    const BOOL on = TRUE;
    ::setsockopt(acceptor.native_handle(), SOL_SOCKET, SO_EXCLUSIVEADDRUSE,
                 reinterpret_cast<const char *>(&on), sizeof on);
    return {};
}

void prepare_accepted(Socket &socket) noexcept {
    prepare_socket(socket);
    error_code ignored;
    socket.set_option(net::socket_base::keep_alive(true), ignored);
}

const bool k_native_accept = false;

std::expected<NativeSocket, error_code> accept_native(Acceptor &, SocketAddress &) noexcept {
    return std::unexpected(error_code(net::error::operation_not_supported));
}

// Sockets are handles here, of which there are enough.
SpareDescriptor::SpareDescriptor() = default;
SpareDescriptor::~SpareDescriptor() = default;

size_t SpareDescriptor::turn_away(Acceptor &) noexcept {
    return 0;
}

} // namespace k2s::dataplane
