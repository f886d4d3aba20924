// SPDX-License-Identifier: MIT
#pragma once

#include <expected>

#include "net.hpp"
#include "socket_stock.hpp"

namespace k2s::dataplane {

/// linux/, windows/connect.cpp: begins to connect; true when the connection stands already, as it
/// mostly does with a target on this host. On Windows nothing is begun yet.
std::expected<bool, error_code> begin_connect(const NativeSocket &made, const SocketAddress &to,
                                              bool keep_alive) noexcept;

/// Puts `made` into `socket` and waits for the rest. The arguments must outlive the task.
Task<error_code> finish_connect(Socket &socket, NativeSocket &made, const SocketAddress &to);

/// linux/, windows/connect.cpp: the socket's own address; 0.0.0.0:0 for a Unix socket.
Endpoint local_endpoint(NativeSocket::Handle socket) noexcept;

} // namespace k2s::dataplane
