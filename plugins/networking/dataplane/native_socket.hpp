// SPDX-License-Identifier: MIT
#pragma once

#include <utility>

#include "net.hpp"

namespace k2s::dataplane {

/// Owns a socket that no io_context knows yet.
class NativeSocket {
  public:
    using Handle = net::detail::socket_type;

    NativeSocket() = default;
    explicit NativeSocket(Handle handle) noexcept : handle_(handle) {}
    NativeSocket(NativeSocket &&other) noexcept : handle_(other.release()) {}
    NativeSocket &operator=(NativeSocket &&other) noexcept {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~NativeSocket();

    bool valid() const noexcept { return handle_ != net::detail::invalid_socket; }
    Handle get() const noexcept { return handle_; }
    Handle release() noexcept { return std::exchange(handle_, net::detail::invalid_socket); }

  private:
    Handle handle_ = net::detail::invalid_socket;
};

} // namespace k2s::dataplane
