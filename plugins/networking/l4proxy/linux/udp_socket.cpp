// SPDX-License-Identifier: MIT
#include "../udp_socket.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace k2s::l4proxy {
namespace {

using namespace dataplane;

// glibc's older headers lack them.
constexpr int k_udp_segment = 103;
constexpr int k_udp_gro = 104;

constexpr unsigned k_slots = 64;
// Any datagram fits, also several that the kernel has joined. The odd part keeps the beginnings of
// small datagrams, which are all that is touched, from falling into the same cache set.
constexpr size_t k_slot_stride = 65536 + 5 * 64;
constexpr size_t k_max_segments = 64;   // UDP_MAX_SEGMENTS
constexpr size_t k_max_joined = 65'000; // with headers below 64 KB
constexpr int k_events = 64;
// In a flood TCP and timers of the same io_context have their turn after so many rounds.
constexpr int k_rounds = 8;
constexpr int k_listener_buffer = 4 * 1024 * 1024;
constexpr uint16_t k_none = 0xffff;

error_code last_error() noexcept {
    return {errno, boost::system::system_category()};
}

bool any_address(const sockaddr_in6 &bound) noexcept {
    if (bound.sin6_family == AF_INET6) {
        return IN6_IS_ADDR_UNSPECIFIED(&bound.sin6_addr);
    }
    sockaddr_in four;
    std::memcpy(&four, &bound, sizeof four);
    return four.sin_addr.s_addr == INADDR_ANY;
}

// Asks for the address that each datagram was sent to.
error_code tell_local(int fd, bool v6) noexcept {
    const int on = 1;
    const int failed = v6 ? ::setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on)
                          : ::setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
    return failed != 0 ? last_error() : error_code();
}

struct alignas(8) Control {
    std::array<unsigned char, 64> bytes;
};

// A datagram (or several) waiting to be sent at the end of the round.
struct Outgoing {
    Datagrams what;
    UdpEndpoint to;
    UdpLocal local;
    uint16_t next = k_none; // of the same socket
};

} // namespace

struct UdpSocket::Impl {
    std::shared_ptr<UdpLoop::Impl> owner;
    UdpLoop::Impl &loop;
    NativeSocket socket;
    Handler *handler; // null once the socket is gone
    Role role;
    bool v6 = false;
    // Longest datagram that may be joined with others (UDP_SEGMENT): the kernel wants each to fit
    // into the route's MTU.
    size_t join_up_to = k_max_joined / 2;
    uint16_t first_out = k_none;
    uint16_t last_out = k_none;

    void receive();
    void flush();

  private:
    void send_messages(unsigned count);
    int send_single(const msghdr &head) const;
    bool send_one(const Outgoing &out, const Datagrams &piece);
    void send_pieces(unsigned message);
    bool joins(const Outgoing &before, size_t joined, size_t segments, const Outgoing &out) const;
    size_t write_control(const UdpLocal &local, size_t segment, Control &control) const;
};

struct UdpLoop::Impl : std::enable_shared_from_this<UdpLoop::Impl> {
    net::io_context &io;
    net::posix::basic_stream_descriptor<Executor> queue; // epoll
    Clock::time_point now = Clock::now();
    Counter unsent;
    size_t sockets = 0;
    bool waiting = false;
    bool in_round = false;
    bool more = false; // somebody's batch was full

    // Receiving. Slots before `used` hold datagrams that are still to be sent.
    std::unique_ptr<char[]> memory{new char[k_slots * k_slot_stride]};
    unsigned used = 0;
    std::array<mmsghdr, k_slots> in{};
    std::array<iovec, k_slots> in_parts{};
    std::array<UdpEndpoint, k_slots> in_from;
    std::array<Control, k_slots> in_control;
    std::array<Received, k_slots> received;

    // Sending
    std::vector<Outgoing> outgoing;
    std::vector<UdpSocket::Impl *> touched; // have something in `outgoing`
    std::array<mmsghdr, k_slots> out{};
    std::array<iovec, k_slots> out_parts{};
    std::array<Control, k_slots> out_control;
    std::array<uint16_t, k_slots> out_first; // of each message in `outgoing`

    std::vector<std::shared_ptr<UdpSocket::Impl>> gone; // in this round

    explicit Impl(net::io_context &context) : io(context), queue(context) {
        outgoing.reserve(k_slots);
        for (unsigned i = 0; i < k_slots; ++i) {
            in_parts[i] = {memory.get() + i * k_slot_stride, 65536};
            in[i].msg_hdr.msg_iov = &in_parts[i];
            in[i].msg_hdr.msg_iovlen = 1;
        }
    }

    error_code open() {
        const int fd = ::epoll_create1(EPOLL_CLOEXEC);
        if (fd < 0) {
            return last_error();
        }
        error_code ec;
        queue.assign(fd, ec);
        return ec;
    }

    void round();
    void flush();

    static Task<void> wait(std::shared_ptr<Impl> self) {
        while (self->sockets != 0) {
            const auto [ec] = co_await self->queue.async_wait(
                net::posix::basic_stream_descriptor<Executor>::wait_read, k_await);
            if (!self->queue.is_open()) {
                break;
            }
            static_cast<void>(ec); // cancelled by the last socket; there may be another since
            self->in_round = true;
            self->round();
            self->in_round = false;
            self->gone.clear();
        }
        self->waiting = false;
    }
};

void UdpLoop::Impl::round() {
    std::array<epoll_event, k_events> events;
    for (int i = 0; i < k_rounds; ++i) {
        const int ready = ::epoll_wait(queue.native_handle(), events.data(), k_events, 0);
        if (ready <= 0) {
            return;
        }
        now = Clock::now();
        for (const epoll_event &event : std::span(events).first(static_cast<size_t>(ready))) {
            auto *const socket = static_cast<UdpSocket::Impl *>(event.data.ptr);
            if (socket->handler != nullptr) {
                socket->receive();
            }
        }
        flush();
        used = 0;
        if (!std::exchange(more, false)) {
            return; // nobody's batch was full: most likely nothing is there
        }
    }
}

void UdpLoop::Impl::flush() {
    for (UdpSocket::Impl *const socket : touched) {
        socket->flush();
    }
    touched.clear();
    outgoing.clear();
}

// One batch: what is left makes the socket ready again in the next round.
void UdpSocket::Impl::receive() {
    if (loop.used == k_slots) {
        loop.flush();
        loop.used = 0;
    }
    const unsigned first = loop.used;
    const unsigned room = k_slots - first;
    for (unsigned i = first; i < k_slots; ++i) {
        msghdr &head = loop.in[i].msg_hdr;
        head.msg_name = role == Role::listener ? loop.in_from[i].data() : nullptr;
        head.msg_namelen = role == Role::listener ? sizeof(sockaddr_in6) : 0;
        head.msg_control = &loop.in_control[i];
        head.msg_controllen = sizeof(Control);
    }
    const int got = ::recvmmsg(socket.get(), &loop.in[first], room, MSG_DONTWAIT, nullptr);
    if (got <= 0) {
        if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
            handler->on_error(last_error());
        }
        return;
    }
    const auto count = static_cast<unsigned>(got);
    for (unsigned i = first; i < first + count; ++i) {
        Received &received = loop.received[i];
        received.datagrams = {static_cast<char *>(loop.in_parts[i].iov_base), loop.in[i].msg_len,
                              0};
        received.local.known = false;
        if (role == Role::listener) {
            received.from = loop.in_from[i];
        }
        msghdr &head = loop.in[i].msg_hdr;
        for (cmsghdr *c = CMSG_FIRSTHDR(&head); c != nullptr; c = CMSG_NXTHDR(&head, c)) {
            if (c->cmsg_level == SOL_UDP && c->cmsg_type == k_udp_gro) {
                int size = 0;
                std::memcpy(&size, CMSG_DATA(c), sizeof size);
                if (static_cast<size_t>(size) < received.datagrams.size) {
                    received.datagrams.segment = static_cast<size_t>(size);
                }
            } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
                in_pktinfo info;
                std::memcpy(&info, CMSG_DATA(c), sizeof info);
                received.local = {};
                // Not ipi_addr, which may be a broadcast or multicast address.
                std::memcpy(received.local.address.data(), &info.ipi_spec_dst, 4);
                received.local.known = true;
            } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
                in6_pktinfo info;
                std::memcpy(&info, CMSG_DATA(c), sizeof info);
                received.local = {};
                std::memcpy(received.local.address.data(), &info.ipi6_addr, 16);
                received.local.interface =
                    IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr) ? info.ipi6_ifindex : 0;
                received.local.known = !IN6_IS_ADDR_MULTICAST(&info.ipi6_addr);
            }
        }
    }
    loop.used += count;
    loop.more |= count == room;
    handler->on_datagrams(std::span(loop.received).subspan(first, count));
}

size_t UdpSocket::Impl::write_control(const UdpLocal &local, size_t segment,
                                      Control &control) const {
    size_t used = 0;
    const auto add = [&](int level, int type, const void *data, size_t size) {
        auto *const c = reinterpret_cast<cmsghdr *>(control.bytes.data() + used);
        c->cmsg_level = level;
        c->cmsg_type = type;
        c->cmsg_len = CMSG_LEN(size);
        std::memcpy(CMSG_DATA(c), data, size);
        used += CMSG_SPACE(size);
    };
    if (local.known && v6) {
        in6_pktinfo info{};
        std::memcpy(&info.ipi6_addr, local.address.data(), 16);
        info.ipi6_ifindex = local.interface;
        add(IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
    } else if (local.known) {
        in_pktinfo info{};
        std::memcpy(&info.ipi_spec_dst, local.address.data(), 4);
        add(IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
    }
    if (segment != 0) {
        const auto size = static_cast<uint16_t>(segment);
        add(SOL_UDP, k_udp_segment, &size, sizeof size);
    }
    return used;
}

// All but the last datagram of a message have one size, so a shorter one ends it.
bool UdpSocket::Impl::joins(const Outgoing &before, size_t joined, size_t segments,
                            const Outgoing &out) const {
    const size_t size = before.what.segment != 0 ? before.what.segment : before.what.size;
    const size_t next = out.what.segment != 0 ? out.what.segment : out.what.size;
    return size != 0 && size <= join_up_to && joined % size == 0 &&
           (next == size || (out.what.segment == 0 && next != 0 && next < size)) &&
           segments + out.what.count() <= k_max_segments &&
           joined + out.what.size <= k_max_joined && out.local == before.local &&
           out.to == before.to;
}

void UdpSocket::Impl::flush() {
    auto &outgoing = loop.outgoing;
    unsigned messages = 0;
    unsigned parts = 0;
    uint16_t at = first_out;
    first_out = last_out = k_none;
    while (at != k_none) {
        const Outgoing &first = outgoing[at];
        msghdr &head = loop.out[messages].msg_hdr;
        loop.out_first[messages] = at;
        head.msg_iov = &loop.out_parts[parts];
        head.msg_iovlen = 0;
        size_t joined = 0;
        size_t segments = 0;
        do {
            const Outgoing &out = outgoing[at];
            loop.out_parts[parts++] = {out.what.data, out.what.size};
            ++head.msg_iovlen;
            joined += out.what.size;
            segments += out.what.count();
            at = out.next;
        } while (at != k_none && joins(first, joined, segments, outgoing[at]));
        const size_t segment = first.what.segment != 0 ? first.what.segment : first.what.size;
        head.msg_controllen =
            write_control(first.local, segments > 1 ? segment : 0, loop.out_control[messages]);
        head.msg_control = head.msg_controllen != 0 ? &loop.out_control[messages] : nullptr;
        head.msg_name = role == Role::listener ? const_cast<sockaddr *>(first.to.data()) : nullptr;
        head.msg_namelen = role == Role::listener ? static_cast<socklen_t>(first.to.size()) : 0;
        ++messages;
    }
    send_messages(messages);
}

// 1, or -1. One plain datagram of many clients is the common case: send(2) has the least to read.
int UdpSocket::Impl::send_single(const msghdr &head) const {
    const bool plain =
        head.msg_iovlen == 1 && head.msg_control == nullptr && head.msg_name == nullptr;
    const ssize_t sent =
        plain ? ::send(socket.get(), head.msg_iov->iov_base, head.msg_iov->iov_len, MSG_DONTWAIT)
              : ::sendmsg(socket.get(), &head, MSG_DONTWAIT);
    return sent < 0 ? -1 : 1;
}

void UdpSocket::Impl::send_messages(unsigned count) {
    unsigned done = 0;
    bool again = true; // an error may be an earlier datagram's (ICMP): this one was not sent
    while (done < count) {
        const int sent = count - done == 1 ? send_single(loop.out[done].msg_hdr)
                                           : ::sendmmsg(socket.get(), &loop.out[done], count - done,
                                                        MSG_DONTWAIT);
        if (sent > 0) {
            done += static_cast<unsigned>(sent);
            again = true;
            continue;
        }
        const int error = errno;
        if (error == EINTR) {
            continue;
        }
        if (error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS) {
            for (uint16_t i = loop.out_first[done]; i != k_none; i = loop.outgoing[i].next) {
                loop.unsent.add(loop.outgoing[i].what.count());
            }
            return;
        }
        const bool joined = loop.out[done].msg_hdr.msg_controllen != 0 &&
                            (loop.out[done].msg_hdr.msg_iovlen > 1 ||
                             loop.outgoing[loop.out_first[done]].what.segment != 0);
        if (joined && (error == EINVAL || error == EMSGSIZE || error == EIO)) {
            send_pieces(done++);
            continue;
        }
        handler->on_error(last_error());
        if (again && role == Role::connected) {
            again = false;
            continue;
        }
        again = true;
        loop.unsent.add(loop.outgoing[loop.out_first[done]].what.count());
        ++done;
    }
}

// The route does not take joined datagrams of this size: one by one, now and in the future.
void UdpSocket::Impl::send_pieces(unsigned message) {
    uint16_t at = loop.out_first[message];
    const Datagrams &first = loop.outgoing[at].what;
    const size_t segment = first.segment != 0 ? first.segment : first.size;
    constexpr size_t k_always_fits = 548; // 576, which every IPv4 host takes, without headers
    join_up_to = segment <= k_always_fits ? 0 : std::min(join_up_to, segment - 1);
    for (size_t part = 0; part < loop.out[message].msg_hdr.msg_iovlen; ++part) {
        const Outgoing &out = loop.outgoing[at];
        const size_t step = out.what.segment != 0 ? out.what.segment : out.what.size;
        for (size_t from = 0; from < out.what.size; from += step) {
            const Datagrams piece{out.what.data + from, std::min(step, out.what.size - from), 0};
            if (!send_one(out, piece)) {
                loop.unsent.add();
            }
        }
        at = out.next;
    }
}

bool UdpSocket::Impl::send_one(const Outgoing &out, const Datagrams &piece) {
    Control control;
    iovec part{piece.data, piece.size};
    msghdr head{};
    head.msg_iov = &part;
    head.msg_iovlen = 1;
    head.msg_controllen = write_control(out.local, 0, control);
    head.msg_control = head.msg_controllen != 0 ? &control : nullptr;
    if (role == Role::listener) {
        head.msg_name = const_cast<sockaddr *>(out.to.data());
        head.msg_namelen = static_cast<socklen_t>(out.to.size());
    }
    return ::sendmsg(socket.get(), &head, MSG_DONTWAIT) >= 0;
}

UdpLoop::UdpLoop(net::io_context &io) : impl_(std::make_shared<Impl>(io)) {}

UdpLoop::~UdpLoop() {
    error_code ignored;
    impl_->queue.close(ignored);
}

Clock::time_point UdpLoop::now() const noexcept {
    return impl_->in_round ? impl_->now : Clock::now();
}

const Counter &UdpLoop::unsent() const noexcept {
    return impl_->unsent;
}

UdpSocket::UdpSocket(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

std::expected<std::unique_ptr<UdpSocket>, error_code>
UdpSocket::adopt(UdpLoop &owner, NativeSocket socket, Role role, Handler &handler) {
    UdpLoop::Impl &loop = *owner.impl();
    if (!loop.queue.is_open()) {
        if (const error_code ec = loop.open()) {
            return std::unexpected(ec);
        }
    }
    const int fd = socket.get();
    auto impl = std::make_shared<Impl>(Impl{owner.impl(), loop, std::move(socket), &handler, role});
    const int on = 1;
    // A kernel without it gives datagrams one by one.
    static_cast<void>(::setsockopt(fd, SOL_UDP, k_udp_gro, &on, sizeof on));
    sockaddr_in6 bound{};
    socklen_t size = sizeof bound;
    if (::getsockname(fd, reinterpret_cast<sockaddr *>(&bound), &size) != 0) {
        return std::unexpected(last_error());
    }
    impl->v6 = bound.sin6_family == AF_INET6;
    if (role == Role::listener) {
        const int room = k_listener_buffer;
        if (::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) != 0) {
            static_cast<void>(::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room));
        }
        error_code ec;
        if (any_address(bound) && (ec = tell_local(fd, impl->v6))) {
            return std::unexpected(ec);
        }
    }
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = impl.get();
    if (::epoll_ctl(loop.queue.native_handle(), EPOLL_CTL_ADD, fd, &event) != 0) {
        return std::unexpected(last_error());
    }
    ++loop.sockets;
    if (!loop.waiting) {
        loop.waiting = true;
        net::co_spawn(loop.io.get_executor(), UdpLoop::Impl::wait(loop.shared_from_this()),
                      net::detached);
    }
    return std::unique_ptr<UdpSocket>(new UdpSocket(std::move(impl)));
}

void UdpSocket::hand_over(Handler &to) noexcept {
    impl_->handler = &to;
}

UdpSocket::~UdpSocket() {
    UdpLoop::Impl &loop = impl_->loop;
    if (impl_->first_out != k_none) {
        impl_->flush();
        std::erase(loop.touched, impl_.get());
    }
    impl_->handler = nullptr;
    impl_->socket = NativeSocket(); // leaves the queue with its last descriptor
    if (--loop.sockets == 0) {
        error_code ignored;
        loop.queue.cancel(ignored);
    }
    if (loop.in_round) {
        loop.gone.push_back(std::move(impl_)); // events of this round may still name it
    }
}

void UdpSocket::send(const Datagrams &what, const UdpEndpoint &to, const UdpLocal &local) {
    UdpLoop::Impl &loop = impl_->loop;
    if (loop.outgoing.size() == k_slots) { // only of what did not come through a slot
        loop.flush();
    }
    const auto index = static_cast<uint16_t>(loop.outgoing.size());
    loop.outgoing.push_back({what, to, local, k_none});
    if (impl_->first_out == k_none) {
        impl_->first_out = index;
        loop.touched.push_back(impl_.get());
    } else {
        loop.outgoing[impl_->last_out].next = index;
    }
    impl_->last_out = index;
    if (!loop.in_round) {
        loop.flush();
    }
}

UdpEndpoint UdpSocket::local_endpoint() const {
    UdpEndpoint endpoint;
    socklen_t size = static_cast<socklen_t>(endpoint.capacity());
    if (::getsockname(impl_->socket.get(), endpoint.data(), &size) == 0) {
        endpoint.resize(size);
    }
    return endpoint;
}

std::expected<NativeSocket, error_code> bind_udp_socket(const UdpEndpoint &endpoint,
                                                        bool dual_stack, bool shared) noexcept {
    NativeSocket socket(
        ::socket(endpoint.protocol().family(), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket.valid()) {
        return std::unexpected(last_error());
    }
    const int only = dual_stack ? 0 : 1;
    if (endpoint.address().is_v6() &&
        ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only) != 0) {
        return std::unexpected(last_error());
    }
    const int on = 1;
    if (shared && ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) {
        return std::unexpected(last_error());
    }
    if (::bind(socket.get(), endpoint.data(), static_cast<socklen_t>(endpoint.size())) != 0) {
        return std::unexpected(last_error());
    }
    return socket;
}

error_code connect_udp_socket(const NativeSocket &socket, const UdpEndpoint &target) noexcept {
    if (::connect(socket.get(), target.data(), static_cast<socklen_t>(target.size())) != 0) {
        return last_error();
    }
    return {};
}

} // namespace k2s::l4proxy
