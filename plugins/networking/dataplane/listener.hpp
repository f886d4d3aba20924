// SPDX-License-Identifier: MIT
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <k2s/sdk/error.hpp>

#include "net.hpp"
#include "network_place.hpp"
#include "observer.hpp"
#include "socket_stock.hpp"
#include "unix_address.hpp"

namespace k2s::dataplane {

/// Where to listen: `host:port`, `[IPv6]:port`, `:port` or `*:port` (every address, IPv4 and IPv6);
/// port 0 takes a free one. A place may stand in front (`[netns:web]:80`, see NetworkPlace), and
/// `unix:///path` is a Unix socket (see UnixAddress). `systemd:` and `systemd:NAME` are the sockets
/// that the service manager passed (see activation.hpp).
struct ListenAddress {
    std::string host; // empty: every address
    uint16_t port = 0;
    NetworkPlace place = {};
    std::optional<UnixAddress> unix_socket = {}; // instead of host and port
    std::optional<std::string> activated = {};   // name of passed sockets, or empty for all
    std::string text;                            // as configured
    bool shared = false; // several listeners of this process take turns (SO_REUSEPORT)

    static std::expected<ListenAddress, Error> parse(std::string_view text);
};

/// An open listening socket and the configured address that it serves.
struct Listener {
    ListenAddress address;
    Acceptor acceptor;
    PlaceIdentity identity = {};     // of the place that it was made in
    std::shared_ptr<void> file = {}; // of a Unix socket, see bind_unix

    void close() noexcept {
        error_code ignored;
        acceptor.close(ignored);
        file.reset();
    }
    /// With the real port.
    std::string text() const;
};

/// Resolves (names only) and opens `address`: an empty host gives one dual-stack socket, or an IPv4
/// socket where the system has no IPv6; a name with several addresses gives several listeners.
/// Errors: K2S_E_BUSY (address in use), K2S_E_PERMISSION, K2S_E_IO.
std::expected<std::vector<std::shared_ptr<Listener>>, Error>
open_listener(net::io_context &io, const ListenAddress &address);

/// linux/listen.cpp, windows/listen.cpp: a restart may take the port at once, another process may
/// never share it; `shared` is SO_REUSEPORT. Also what accepted sockets inherit.
error_code set_listener_options(Acceptor &acceptor, bool shared);

/// linux/, windows/listen.cpp: no delay for small writes, keep-alive, non-blocking.
void prepare_accepted(Socket &socket) noexcept;

/// linux/, windows/listen.cpp: true where clients can be accepted without Asio (Linux).
extern const bool k_native_accept;
/// Non-blocking; would_block when nobody waits.
std::expected<NativeSocket, error_code> accept_native(Acceptor &acceptor,
                                                      SocketAddress &peer) noexcept;

/// linux/, windows/listen.cpp: one descriptor kept back for the moment when there are no more.
class SpareDescriptor {
  public:
    SpareDescriptor();
    ~SpareDescriptor();
    SpareDescriptor(const SpareDescriptor &) = delete;
    SpareDescriptor &operator=(const SpareDescriptor &) = delete;

    /// Closes the connections that wait in the backlog, as their clients would wait in vain; how
    /// many.
    size_t turn_away(Acceptor &acceptor) noexcept;

  private:
    int spare_ = -1;
};

/// The listeners of an engine and their accept loops.
class ListenerSet {
  public:
    struct Callbacks {
        /// A client has connected; the socket is prepared (see prepare_socket).
        std::function<void(Socket socket, const SocketAddress &peer, const ListenAddress &at)>
            accepted;
        /// Out of descriptors or memory: give back what is only kept for later.
        std::function<void()> shortage;
        /// So many clients were closed because of it. May be empty.
        std::function<void(size_t count)> turned_away = {};
        /// In place of `accepted` where k_native_accept: a socket that no io_context knows.
        std::function<void(NativeSocket socket, const SocketAddress &peer, const ListenAddress &at)>
            accepted_native = {};
    };

    ListenerSet(net::io_context &io, std::shared_ptr<Observer> observer, Callbacks callbacks);
    ~ListenerSet() { close(); }
    ListenerSet(const ListenerSet &) = delete;
    ListenerSet &operator=(const ListenerSet &) = delete;

    /// Listens on exactly these addresses: those that stay keep their sockets, new ones are opened,
    /// the others are closed. On an error nothing has changed.
    std::expected<void, Error> set(const std::vector<ListenAddress> &addresses);
    void close() noexcept;

    /// To be called now and then: what listens in a namespace that is gone or has been replaced is
    /// closed, and opened again as soon as there is a namespace of that name.
    void check_places();

    /// With the real ports.
    std::vector<Endpoint> endpoints() const;
    const std::vector<std::shared_ptr<Listener>> &listeners() const noexcept { return listeners_; }

  private:
    using Listeners = std::vector<std::shared_ptr<Listener>>;
    struct Shared;

    // An address whose place is gone.
    struct Lost {
        ListenAddress address;
        std::string reason;
    };

    void serve(const Listeners &opened);
    void lose(const ListenAddress &address, const std::string &reason);
    static Task<void> accept_loop(std::shared_ptr<Shared> shared,
                                  std::shared_ptr<Listener> listener);
    static Task<void> native_accept_loop(std::shared_ptr<Shared> shared,
                                         std::shared_ptr<Listener> listener);

    std::shared_ptr<Shared> shared_; // the accept loops may outlive this object for a moment
    Listeners listeners_;
    std::vector<Lost> lost_;
};

/// address:port, IPv6 in brackets.
std::string text_of(const Endpoint &endpoint);

} // namespace k2s::dataplane
