// SPDX-License-Identifier: MIT
#include "../connect.hpp"

#include <cerrno>

#include <sys/socket.h>

namespace k2s::dataplane {
namespace {

error_code system_error(int error) {
    return {error, boost::system::system_category()};
}

} // namespace

std::expected<bool, error_code> begin_connect(const NativeSocket &made, const SocketAddress &to,
                                              bool keep_alive) noexcept {
    const int fd = made.get();
    if (keep_alive && to.protocol().family() != AF_UNIX) {
        const int on = 1;
        ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    }
    const auto size = static_cast<socklen_t>(to.size());
    int error = ::connect(fd, to.data(), size) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
        // Over loopback and veth the handshake is through by now, but only a second call tells so.
        // It spares the wait, and what that costs: two calls to epoll and the reading of SO_ERROR.
        error = ::connect(fd, to.data(), size) == 0 ? 0 : errno;
    }
    if (error != 0 && error != EALREADY) {
        return std::unexpected(system_error(error));
    }
    return error == 0;
}

Task<error_code> finish_connect(Socket &socket, NativeSocket &made, const SocketAddress &to) {
    error_code ec;
    socket.assign(to.protocol(), made.get(), ec);
    if (ec) {
        co_return ec;
    }
    made.release();
    const auto [waited] = co_await socket.async_wait(Socket::wait_write, k_await);
    if (waited) {
        co_return waited;
    }
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(socket.native_handle(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
        error = errno;
    }
    co_return system_error(error);
}

Endpoint local_endpoint(NativeSocket::Handle socket) noexcept {
    SocketAddress address;
    auto size = static_cast<socklen_t>(address.capacity());
    if (::getsockname(socket, address.data(), &size) == 0) {
        address.resize(size);
    }
    return ip_endpoint(address);
}

} // namespace k2s::dataplane
