// SPDX-License-Identifier: MIT
#include "../udp_socket.hpp"

#include <cstring>

#include <ws2tcpip.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <mswsock.h>

#ifndef SIO_UDP_CONNRESET
#define SIO_UDP_CONNRESET _WSAIOW(IOC_VENDOR, 12)
#endif

// One datagram per call: what recvmmsg and segmentation offload are to Linux, Windows has only in
// its registered I/O, which needs memory for every socket that waits.
namespace k2s::l4proxy {
namespace {

using namespace dataplane;
using Datagram = net::basic_datagram_socket<net::ip::udp, Executor>;

constexpr size_t k_largest = 65536;
constexpr int k_batch = 64; // of one socket, before others have their turn
constexpr int k_listener_buffer = 4 * 1024 * 1024;

error_code last_error() noexcept {
    return {::WSAGetLastError(), boost::system::system_category()};
}

template <typename Function> Function extension(SOCKET socket, GUID id) noexcept {
    Function function = nullptr;
    DWORD got = 0;
    if (::WSAIoctl(socket, SIO_GET_EXTENSION_FUNCTION_POINTER, &id, sizeof id, &function,
                   sizeof function, &got, nullptr, nullptr) != 0) {
        return nullptr;
    }
    return function;
}

struct alignas(16) Control {
    char bytes[128];
};

bool set(SOCKET socket, int level, int name, DWORD value) noexcept {
    return ::setsockopt(socket, level, name, reinterpret_cast<const char *>(&value),
                        sizeof value) == 0;
}

} // namespace

struct UdpLoop::Impl {
    net::io_context &io;
    Counter unsent;
    std::unique_ptr<char[]> memory{new char[k_largest]};
    explicit Impl(net::io_context &context) : io(context) {}
};

struct UdpSocket::Impl : std::enable_shared_from_this<UdpSocket::Impl> {
    std::shared_ptr<UdpLoop::Impl> loop;
    Datagram socket;
    Handler *handler; // null once the socket is gone
    Role role;
    bool v6 = false;
    LPFN_WSARECVMSG receive_message = nullptr;
    LPFN_WSASENDMSG send_message = nullptr;

    Impl(std::shared_ptr<UdpLoop::Impl> owner, Role as, Handler &to)
        : loop(std::move(owner)), socket(loop->io), handler(&to), role(as) {}

    static Task<void> serve(std::shared_ptr<Impl> self) {
        while (self->handler != nullptr) {
            // Readiness instead of an overlapped receive, which would hold a buffer for the largest
            // datagram at each waiting socket. (Peeking with a short one is no way out: "more data"
            // is reported twice, at once and by a completion packet.)
            const auto [ec] = co_await self->socket.async_wait(Datagram::wait_read, k_await);
            static_cast<void>(ec); // comes again below
            for (int i = 0; i < k_batch && self->handler != nullptr && self->receive(); ++i) {
            }
        }
    }

    // False when nothing is there.
    bool receive() {
        Received received;
        WSABUF part{static_cast<ULONG>(k_largest), loop->memory.get()};
        Control control;
        WSAMSG message{};
        DWORD got = 0;
        int failed = 0;
        if (role == Role::listener) {
            message.name = received.from.data();
            message.namelen = static_cast<INT>(received.from.capacity());
            message.lpBuffers = &part;
            message.dwBufferCount = 1;
            message.Control = {sizeof control.bytes, control.bytes};
            failed = receive_message(socket.native_handle(), &message, &got, nullptr, nullptr);
        } else {
            DWORD flags = 0;
            failed = ::WSARecv(socket.native_handle(), &part, 1, &got, &flags, nullptr, nullptr);
        }
        if (failed != 0) {
            const error_code ec = last_error();
            if (ec == net::error::would_block) {
                return false;
            }
            handler->on_error(ec);
            return true;
        }
        if (role == Role::listener) {
            received.local = local_of(message);
        }
        received.datagrams = {part.buf, got, 0};
        handler->on_datagrams({&received, 1});
        return true;
    }

    static UdpLocal local_of(WSAMSG &message) {
        UdpLocal local;
        for (auto *c = WSA_CMSG_FIRSTHDR(&message); c != nullptr;
             c = WSA_CMSG_NXTHDR(&message, c)) {
            if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
                IN_PKTINFO info;
                std::memcpy(&info, WSA_CMSG_DATA(c), sizeof info);
                local.address = {};
                local.address[10] = local.address[11] = 0xff;
                std::memcpy(local.address.data() + 12, &info.ipi_addr, 4);
                local.known = !IN_MULTICAST(ntohl(info.ipi_addr.s_addr)) &&
                              info.ipi_addr.s_addr != INADDR_BROADCAST;
            } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
                IN6_PKTINFO info;
                std::memcpy(&info, WSA_CMSG_DATA(c), sizeof info);
                std::memcpy(local.address.data(), &info.ipi6_addr, 16);
                local.interface = IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr) ? info.ipi6_ifindex : 0;
                local.known = !IN6_IS_ADDR_MULTICAST(&info.ipi6_addr);
            }
        }
        return local;
    }

    static void write_control(WSAMSG &message, const UdpLocal &local) {
        WSACMSGHDR *const c = WSA_CMSG_FIRSTHDR(&message);
        const net::ip::address_v6 address(local.address);
        if (address.is_v4_mapped()) {
            IN_PKTINFO info{};
            std::memcpy(&info.ipi_addr, local.address.data() + 12, 4);
            c->cmsg_level = IPPROTO_IP;
            c->cmsg_type = IP_PKTINFO;
            c->cmsg_len = WSA_CMSG_LEN(sizeof info);
            std::memcpy(WSA_CMSG_DATA(c), &info, sizeof info);
            message.Control.len = WSA_CMSG_SPACE(sizeof info);
        } else {
            IN6_PKTINFO info{};
            std::memcpy(&info.ipi6_addr, local.address.data(), 16);
            info.ipi6_ifindex = local.interface;
            c->cmsg_level = IPPROTO_IPV6;
            c->cmsg_type = IPV6_PKTINFO;
            c->cmsg_len = WSA_CMSG_LEN(sizeof info);
            std::memcpy(WSA_CMSG_DATA(c), &info, sizeof info);
            message.Control.len = WSA_CMSG_SPACE(sizeof info);
        }
    }

    void send(const Datagrams &what, const UdpEndpoint &to, const UdpLocal &local) {
        WSABUF part{static_cast<ULONG>(what.size), what.data};
        DWORD sent = 0;
        int failed = 0;
        for (int tries = 0; tries < 2; ++tries) { // an error may be an earlier datagram's (ICMP)
            if (role == Role::connected) {
                failed = ::WSASend(socket.native_handle(), &part, 1, &sent, 0, nullptr, nullptr);
            } else if (local.known) {
                Control control{};
                WSAMSG message{};
                message.name = const_cast<sockaddr *>(to.data());
                message.namelen = static_cast<INT>(to.size());
                message.lpBuffers = &part;
                message.dwBufferCount = 1;
                message.Control = {sizeof control.bytes, control.bytes};
                write_control(message, local);
                failed = send_message(socket.native_handle(), &message, 0, &sent, nullptr, nullptr);
            } else {
                failed = ::WSASendTo(socket.native_handle(), &part, 1, &sent, 0, to.data(),
                                     static_cast<int>(to.size()), nullptr, nullptr);
            }
            if (failed == 0) {
                return;
            }
            const error_code ec = last_error();
            if (ec == net::error::would_block || ec == net::error::no_buffer_space) {
                break;
            }
            handler->on_error(ec);
        }
        loop->unsent.add();
    }
};

UdpLoop::UdpLoop(net::io_context &io) : impl_(std::make_shared<Impl>(io)) {}
UdpLoop::~UdpLoop() = default;

Clock::time_point UdpLoop::now() const noexcept {
    return Clock::now();
}

const Counter &UdpLoop::unsent() const noexcept {
    return impl_->unsent;
}

UdpSocket::UdpSocket(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

std::expected<std::unique_ptr<UdpSocket>, error_code>
UdpSocket::adopt(UdpLoop &owner, NativeSocket native, Role role, Handler &handler) {
    auto impl = std::make_shared<Impl>(owner.impl(), role, handler);
    const SOCKET socket = native.get();
    SOCKADDR_STORAGE bound{};
    int size = sizeof bound;
    if (::getsockname(socket, reinterpret_cast<sockaddr *>(&bound), &size) != 0) {
        return std::unexpected(last_error());
    }
    impl->v6 = bound.ss_family == AF_INET6;
    if (role == Role::listener) {
        impl->receive_message = extension<LPFN_WSARECVMSG>(socket, WSAID_WSARECVMSG);
        impl->send_message = extension<LPFN_WSASENDMSG>(socket, WSAID_WSASENDMSG);
        if (impl->receive_message == nullptr || impl->send_message == nullptr) {
            return std::unexpected(last_error());
        }
        set(socket, SOL_SOCKET, SO_RCVBUF, k_listener_buffer);
        // Without it an ICMP error about one client's answer ends receiving from all.
        BOOL report = FALSE;
        DWORD got = 0;
        static_cast<void>(::WSAIoctl(socket, SIO_UDP_CONNRESET, &report, sizeof report, nullptr, 0,
                                     &got, nullptr, nullptr));
        // A dual-stack socket reports IPv4 datagrams in IPv4's way.
        const bool v4 = set(socket, IPPROTO_IP, IP_PKTINFO, 1);
        if (impl->v6 ? !set(socket, IPPROTO_IPV6, IPV6_PKTINFO, 1) : !v4) {
            return std::unexpected(last_error());
        }
    }
    error_code ec;
    impl->socket.assign(impl->v6 ? net::ip::udp::v6() : net::ip::udp::v4(), socket, ec);
    if (ec) {
        return std::unexpected(ec);
    }
    native.release();
    impl->socket.non_blocking(true, ec);
    if (ec) {
        return std::unexpected(ec);
    }
    net::co_spawn(owner.impl()->io.get_executor(), Impl::serve(impl), net::detached);
    return std::unique_ptr<UdpSocket>(new UdpSocket(std::move(impl)));
}

void UdpSocket::hand_over(Handler &to) noexcept {
    impl_->handler = &to;
}

UdpSocket::~UdpSocket() {
    impl_->handler = nullptr;
    error_code ignored;
    impl_->socket.close(ignored);
}

void UdpSocket::send(const Datagrams &what, const UdpEndpoint &to, const UdpLocal &local) {
    impl_->send(what, to, local);
}

UdpEndpoint UdpSocket::local_endpoint() const {
    error_code ignored;
    return impl_->socket.local_endpoint(ignored);
}

std::expected<NativeSocket, error_code> bind_udp_socket(const UdpEndpoint &endpoint,
                                                        bool dual_stack, bool) noexcept {
    auto socket = make_socket({endpoint.protocol().family(), SOCK_DGRAM});
    if (!socket) {
        return std::unexpected(socket.error());
    }
    const bool exclusive = set(socket->get(), SOL_SOCKET, SO_EXCLUSIVEADDRUSE, 1);
    if (!exclusive || (endpoint.address().is_v6() &&
                       !set(socket->get(), IPPROTO_IPV6, IPV6_V6ONLY, dual_stack ? 0 : 1))) {
        return std::unexpected(last_error());
    }
    if (::bind(socket->get(), endpoint.data(), static_cast<int>(endpoint.size())) != 0) {
        return std::unexpected(last_error());
    }
    return std::move(*socket);
}

error_code connect_udp_socket(const NativeSocket &socket, const UdpEndpoint &target) noexcept {
    if (::connect(socket.get(), target.data(), static_cast<int>(target.size())) != 0) {
        return last_error();
    }
    return {};
}

} // namespace k2s::l4proxy
