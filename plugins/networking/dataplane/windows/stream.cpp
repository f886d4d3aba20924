// SPDX-License-Identifier: MIT
#include "../stream.hpp"

namespace k2s::dataplane {

// A completion port has to know a socket for everything that may have to be waited for.
PlainStream::PlainStream(net::io_context &io, NativeSocket socket, int family, bool)
    : Stream(Socket(io)), native_(std::move(socket)), family_(family) {
    this->socket();
}

IoResult PlainStream::receive_now(net::mutable_buffer) noexcept {
    return {net::error::would_block, 0};
}

IoResult PlainStream::send_now(std::string_view, std::string_view) noexcept {
    return {net::error::would_block, 0};
}

} // namespace k2s::dataplane
