// SPDX-License-Identifier: MIT
#include "../socket_stock.hpp"

#include <cerrno>

#include <netinet/tcp.h>
#include <sys/socket.h>

namespace k2s::dataplane {

std::expected<NativeSocket, error_code> make_socket(SocketKind kind) noexcept {
    NativeSocket socket(::socket(kind.family, kind.type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket.valid()) {
        return std::unexpected(error_code(errno, boost::system::system_category()));
    }
    if (kind.type == SOCK_STREAM && kind.family != AF_UNIX) {
        const int on = 1;
        ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    return socket;
}

} // namespace k2s::dataplane
