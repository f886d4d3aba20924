// SPDX-License-Identifier: MIT
#include "../stream.hpp"

#include <array>
#include <cerrno>

#include <sys/socket.h>
#include <sys/uio.h>

namespace k2s::dataplane {
namespace {

IoResult result_of(ssize_t count) noexcept {
    if (count >= 0) {
        return {{}, static_cast<size_t>(count)};
    }
    if (errno == EAGAIN || errno == EINTR) {
        return {net::error::would_block, 0};
    }
    return {error_code(errno, boost::system::system_category()), 0};
}

} // namespace

PlainStream::PlainStream(net::io_context &io, NativeSocket socket, int family, bool readable)
    : Stream(Socket(io)), native_(std::move(socket)), family_(family), readable_(readable) {}

IoResult PlainStream::receive_now(net::mutable_buffer into) noexcept {
    const ssize_t got = ::recv(native_.get(), into.data(), into.size(), 0);
    return got == 0 ? IoResult{net::error::eof, 0} : result_of(got);
}

IoResult PlainStream::send_now(std::string_view first, std::string_view second) noexcept {
    if (second.empty()) {
        return result_of(::send(native_.get(), first.data(), first.size(), MSG_NOSIGNAL));
    }
    std::array<iovec, 2> parts{iovec{const_cast<char *>(first.data()), first.size()},
                               iovec{const_cast<char *>(second.data()), second.size()}};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    return result_of(::sendmsg(native_.get(), &message, MSG_NOSIGNAL));
}

} // namespace k2s::dataplane
