// SPDX-License-Identifier: MIT
#include "../connect.hpp"

namespace k2s::dataplane {

std::expected<bool, error_code> begin_connect(const NativeSocket &made, const SocketAddress &,
                                              bool keep_alive) noexcept {
    const BOOL on = keep_alive ? TRUE : FALSE;
    ::setsockopt(made.get(), SOL_SOCKET, SO_KEEPALIVE, reinterpret_cast<const char *>(&on),
                 sizeof on);
    return false;
}

Task<error_code> finish_connect(Socket &socket, NativeSocket &made, const SocketAddress &to) {
    error_code ec;
    socket.assign(to.protocol(), made.get(), ec);
    if (ec) {
        co_return ec;
    }
    made.release();
    const auto [connected] = co_await socket.async_connect(to, k_await);
    if (!connected) {
        error_code ignored;
        socket.non_blocking(true, ignored);
    }
    co_return connected;
}

Endpoint local_endpoint(NativeSocket::Handle socket) noexcept {
    SocketAddress address;
    int size = static_cast<int>(address.capacity());
    if (::getsockname(socket, address.data(), &size) == 0) {
        address.resize(static_cast<size_t>(size));
    }
    return ip_endpoint(address);
}

} // namespace k2s::dataplane
