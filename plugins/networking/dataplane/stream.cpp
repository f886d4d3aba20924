// SPDX-License-Identifier: MIT
#include "stream.hpp"

#include <array>
#include <utility>

#include <boost/asio/write.hpp>

namespace k2s::dataplane {

void prepare_socket(Socket &socket) noexcept {
    error_code ignored;
    socket.non_blocking(true, ignored);
    socket.set_option(Tcp::no_delay(true), ignored);
}

void Stream::cancel() noexcept {
    error_code ignored;
    socket_.cancel(ignored);
}

void Stream::close() noexcept {
    error_code ignored;
    socket_.close(ignored);
}

Task<std::string> Stream::handshake() {
    co_return std::string();
}

bool Stream::quiet() noexcept {
    char byte = 0;
    error_code ec;
    socket_.receive(net::buffer(&byte, 1), Socket::message_peek, ec);
    return ec == net::error::would_block || ec == net::error::try_again;
}

bool PlainStream::quiet() noexcept {
    socket(); // Asio's, from here on
    return Stream::quiet();
}

Socket &PlainStream::socket() noexcept {
    if (native_.valid()) {
        error_code ec;
        socket_.assign(SocketAddress::protocol_type(family_, 0), native_.get(), ec);
        if (!ec) {
            native_.release();
            socket_.non_blocking(true, ec);
        }
        native_ = {}; // what Asio does not take is of no use
    }
    return socket_;
}

NativeSocket::Handle PlainStream::handle() noexcept {
    return native_.valid() ? native_.get() : NativeSocket::Handle(socket_.native_handle());
}

NativeSocket PlainStream::release() noexcept {
    if (native_.valid()) {
        return std::move(native_);
    }
    error_code ec;
    return socket_.is_open() ? NativeSocket(socket_.release(ec)) : NativeSocket();
}

void PlainStream::close() noexcept {
    native_ = {};
    Stream::close();
}

Task<IoResult> PlainStream::read_some(net::mutable_buffer into) {
    if (native_.valid() && std::exchange(readable_, false)) {
        if (const IoResult got = receive_now(into); got.ec != net::error::would_block) {
            co_return got;
        }
    }
    const auto [ec, bytes] = co_await socket().async_read_some(into, k_await);
    co_return IoResult{ec, bytes};
}

Task<IoResult> PlainStream::write(std::string_view first, std::string_view second) {
    const size_t total = first.size() + second.size();
    std::array<net::const_buffer, 2> parts{net::const_buffer(first.data(), first.size()),
                                           net::const_buffer(second.data(), second.size())};
    // The send buffer nearly always has room: a direct call saves a trip through the scheduler.
    IoResult result;
    if (native_.valid()) {
        result = send_now(first, second);
    } else {
        result.bytes = second.empty() ? socket_.write_some(parts[0], result.ec)
                                      : socket_.write_some(parts, result.ec);
    }
    if (result.ec == net::error::would_block || result.ec == net::error::try_again) {
        result.ec = {};
    }
    if (result.ec || result.bytes == total) {
        co_return result;
    }
    const size_t sent = result.bytes;
    parts[0] += sent;
    parts[1] += sent > first.size() ? sent - first.size() : 0;
    const auto [ec, more] = co_await net::async_write(socket(), parts, k_await);
    result.ec = ec;
    result.bytes += more;
    co_return result;
}

Task<error_code> PlainStream::shutdown_send() {
    error_code ec;
    socket().shutdown(Socket::shutdown_send, ec);
    co_return ec;
}

} // namespace k2s::dataplane
