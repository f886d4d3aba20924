// SPDX-License-Identifier: MIT
#include "isolation/channel.hpp"

#include <cerrno>
#include <cstring>
#include <mutex>

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>

#include "isolation/frame_buffer.hpp"
#include "process/linux/descriptor.hpp"

namespace k2s::core::isolation {

namespace {

// Four times the largest notice: offer() must know that one fits.
constexpr int k_send_buffer = 512 * 1024;

} // namespace

struct Channel::Impl {
    Descriptor end;
    std::timed_mutex sending;
    FrameBuffer buffer;

    bool send(Kind kind, uint32_t id, std::string_view body) {
        FrameHeader header{static_cast<uint32_t>(body.size()), static_cast<uint16_t>(kind), 0, id};
        iovec parts[] = {{&header, sizeof header}, {const_cast<char *>(body.data()), body.size()}};
        msghdr message{};
        message.msg_iov = parts;
        message.msg_iovlen = 2;
        while (parts[1].iov_len > 0 || parts[0].iov_len > 0) {
            const auto size = ::sendmsg(end.get(), &message, MSG_NOSIGNAL);
            if (size < 0 && errno == EINTR) {
                continue;
            }
            if (size <= 0) { // EAGAIN: the patience is over
                ::shutdown(end.get(), SHUT_RDWR);
                return false;
            }
            auto sent = static_cast<std::size_t>(size);
            for (iovec &part : parts) {
                const auto of_this = std::min(sent, part.iov_len);
                part.iov_base = static_cast<char *>(part.iov_base) + of_this;
                part.iov_len -= of_this;
                sent -= of_this;
            }
        }
        return true;
    }
};

Channel::Channel(Native end) : impl_(std::make_unique<Impl>()) {
    impl_->end = Descriptor(end);
    const timeval patience{k_patience.count(), 0};
    ::setsockopt(end, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    ::setsockopt(end, SOL_SOCKET, SO_SNDBUF, &k_send_buffer, sizeof k_send_buffer);
}

Channel::~Channel() = default;

Result<Channel::Pair> Channel::make() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        return fail(K2S_E_FAILED, "cannot make a line to a worker: {}", std::strerror(errno));
    }
    return Pair{std::make_unique<Channel>(ends[0]), std::make_unique<Channel>(ends[1])};
}

Channel::Native Channel::native() const noexcept {
    return impl_->end.get();
}

bool Channel::send(Kind kind, uint32_t id, std::string_view body) {
    const std::lock_guard alone(impl_->sending);
    return impl_->send(kind, id, body);
}

bool Channel::offer(Kind kind, uint32_t id, std::string_view body) {
    const std::unique_lock alone(impl_->sending, k_offer_wait);
    // Such a socket is writable as long as three quarters of its buffer are free.
    pollfd wait{impl_->end.get(), POLLOUT, 0};
    return alone && ::poll(&wait, 1, 0) == 1 && (wait.revents & POLLOUT) != 0 &&
           impl_->send(kind, id, body);
}

bool Channel::receive(Frame &frame) {
    while (!impl_->buffer.next(frame)) {
        if (impl_->buffer.broken()) {
            return false;
        }
        const auto room = impl_->buffer.room();
        const auto size = ::recv(impl_->end.get(), room.data, room.size, 0);
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size <= 0) {
            return false;
        }
        impl_->buffer.filled(static_cast<std::size_t>(size));
    }
    return true;
}

void Channel::close() noexcept {
    ::shutdown(impl_->end.get(), SHUT_RDWR);
}

} // namespace k2s::core::isolation
