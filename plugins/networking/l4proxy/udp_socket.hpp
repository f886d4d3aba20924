// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>

#include <boost/asio/ip/udp.hpp>

#include "dataplane/net.hpp"
#include "dataplane/observer.hpp"
#include "dataplane/socket_stock.hpp"

namespace k2s::l4proxy {

using UdpEndpoint = dataplane::net::ip::udp::endpoint;

/// The address that a datagram was sent to: what an answer has to come from. Needed for sockets
/// that are bound to every address; not set for others.
struct UdpLocal {
    std::array<unsigned char, 16> address{}; // as the system tells it and takes it back
    uint32_t interface = 0;                  // for link-local addresses
    bool known = false;
    bool operator==(const UdpLocal &) const = default;
};

/// A datagram, or several of one size that came (or shall go) as one piece.
struct Datagrams {
    char *data = nullptr;
    size_t size = 0;
    size_t segment = 0; // each one's size but the last's, which may be shorter; 0: it is one

    size_t count() const noexcept { return segment == 0 ? 1 : (size + segment - 1) / segment; }
};

struct Received {
    Datagrams datagrams;
    UdpEndpoint from; // not set by a connected socket
    UdpLocal local;
};

/// What all UDP sockets of an io_context share: buffers that are only in use between two waits, and
/// on Linux a readiness queue of its own, so that a socket costs no Asio operation.
class UdpLoop {
  public:
    explicit UdpLoop(dataplane::net::io_context &io);
    ~UdpLoop();
    UdpLoop(const UdpLoop &) = delete;
    UdpLoop &operator=(const UdpLoop &) = delete;

    /// The time of the round that is being handled.
    dataplane::Clock::time_point now() const noexcept;
    /// Datagrams that the system did not take: its buffers were full, or they were too large.
    const dataplane::Counter &unsent() const noexcept;

    struct Impl;
    const std::shared_ptr<Impl> &impl() const noexcept { return impl_; }

  private:
    std::shared_ptr<Impl> impl_;
};

/// A UDP socket. Belongs to the loop's thread.
class UdpSocket {
  public:
    class Handler {
      public:
        /// What has come. The memory is the loop's and stays until all that is sent from here has
        /// gone. The socket may be destroyed in here.
        virtual void on_datagrams(std::span<const Received> batch) = 0;
        /// An ICMP error or another failure; the socket goes on. Must not destroy a socket.
        virtual void on_error(const dataplane::error_code &ec) = 0;

      protected:
        ~Handler() = default;
    };

    /// A listener is bound and tells from where datagrams come, the others are connected.
    enum class Role : uint8_t { listener, connected };

    static std::expected<std::unique_ptr<UdpSocket>, dataplane::error_code>
    adopt(UdpLoop &loop, dataplane::NativeSocket socket, Role role, Handler &handler);
    ~UdpSocket();
    UdpSocket(const UdpSocket &) = delete;
    UdpSocket &operator=(const UdpSocket &) = delete;

    /// From now on `to` is told what comes.
    void hand_over(Handler &to) noexcept;

    /// Sends, at the end of the current round, what on_datagrams was given (or what stays until
    /// then). A listener needs `to`. What the system does not take now is lost, as UDP may.
    void send(const Datagrams &what, const UdpEndpoint &to = {}, const UdpLocal &local = {});

    /// The bound address.
    UdpEndpoint local_endpoint() const;

    struct Impl;

  private:
    explicit UdpSocket(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

/// linux/, windows/udp_socket.cpp: an unconnected socket in the calling thread's network, bound.
/// `dual_stack`: for [::], IPv4 too. `shared`: several sockets of this process take turns, by
/// client (SO_REUSEPORT; not on Windows).
std::expected<dataplane::NativeSocket, dataplane::error_code>
bind_udp_socket(const UdpEndpoint &endpoint, bool dual_stack, bool shared) noexcept;

/// Connects to a target.
dataplane::error_code connect_udp_socket(const dataplane::NativeSocket &socket,
                                         const UdpEndpoint &target) noexcept;

} // namespace k2s::l4proxy
