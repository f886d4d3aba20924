// SPDX-License-Identifier: MIT
#include "../socket_stock.hpp"

namespace k2s::dataplane {

std::expected<NativeSocket, error_code> make_socket(SocketKind kind) noexcept {
    const int protocol = kind.family == AF_UNIX     ? 0
                         : kind.type == SOCK_STREAM ? IPPROTO_TCP
                                                    : IPPROTO_UDP;
    NativeSocket socket(::WSASocketW(kind.family, kind.type, protocol, nullptr, 0,
                                     WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT));
    if (!socket.valid()) {
        return std::unexpected(error_code(::WSAGetLastError(), boost::system::system_category()));
    }
    if (protocol == IPPROTO_TCP) {
        const BOOL on = TRUE;
        ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, reinterpret_cast<const char *>(&on),
                     sizeof on);
    }
    return socket;
}

} // namespace k2s::dataplane
