// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>

// The Asio types with the io_context's own executor instead of the type-erased default: one
// indirect call and one reference count less per operation.
namespace k2s::dataplane {

namespace net = boost::asio;
using boost::system::error_code;
using Tcp = net::ip::tcp;
using Endpoint = Tcp::endpoint;
using Executor = net::io_context::executor_type;
using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

/// TCP over IPv4 or IPv6, or a Unix socket.
using Socket = net::basic_stream_socket<net::generic::stream_protocol, Executor>;
using Acceptor = net::basic_socket_acceptor<net::generic::stream_protocol, Executor>;
using SocketAddress = net::generic::stream_protocol::endpoint;
using Timer = net::basic_waitable_timer<Clock, net::wait_traits<Clock>, Executor>;

template <typename T> using Task = net::awaitable<T, Executor>;

/// Completion token of every co_await in the engine: errors come back as values. It is an object,
/// not a temporary, because g++ 12 destroys some temporaries inside co_await expressions twice.
inline constexpr net::as_tuple_t<net::use_awaitable_t<Executor>> k_await{};

/// The IP address and port in `address`; 0.0.0.0:0 for a Unix socket.
Endpoint ip_endpoint(const SocketAddress &address) noexcept;

struct IoResult {
    error_code ec;
    size_t bytes = 0;
};

} // namespace k2s::dataplane
