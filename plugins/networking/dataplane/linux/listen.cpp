// SPDX-License-Identifier: MIT
#include "../listener.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace k2s::dataplane {
namespace {

constexpr size_t k_turned_away_at_once = 256;

using ReusePort = net::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

} // namespace

// On Linux an accepted socket has the options of the listening one, which saves two calls for each.
error_code set_listener_options(Acceptor &acceptor, bool shared) {
    error_code ec;
    acceptor.set_option(net::socket_base::reuse_address(true), ec);
    acceptor.set_option(net::socket_base::keep_alive(true), ec);
    acceptor.set_option(Tcp::no_delay(true), ec);
    ec = {};
    if (shared) {
        acceptor.set_option(ReusePort(true), ec);
    }
    return ec;
}

void prepare_accepted(Socket &socket) noexcept {
    error_code ignored;
    socket.non_blocking(true, ignored);
}

const bool k_native_accept = true;

std::expected<NativeSocket, error_code> accept_native(Acceptor &acceptor,
                                                      SocketAddress &peer) noexcept {
    auto size = static_cast<socklen_t>(peer.capacity());
    NativeSocket client(
        ::accept4(acceptor.native_handle(), peer.data(), &size, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!client.valid()) {
        return std::unexpected(error_code(errno, boost::system::system_category()));
    }
    peer.resize(size);
    return client;
}

SpareDescriptor::SpareDescriptor() : spare_(::open("/dev/null", O_RDONLY | O_CLOEXEC)) {}

SpareDescriptor::~SpareDescriptor() {
    if (spare_ >= 0) {
        ::close(spare_);
    }
}

size_t SpareDescriptor::turn_away(Acceptor &acceptor) noexcept {
    size_t count = 0;
    if (spare_ >= 0) {
        ::close(spare_);
        for (; count < k_turned_away_at_once; ++count) {
            const int client =
                ::accept4(acceptor.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
            if (client < 0) {
                break;
            }
            ::close(client);
        }
    }
    spare_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    return count;
}

} // namespace k2s::dataplane
