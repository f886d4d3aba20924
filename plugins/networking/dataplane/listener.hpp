// SPDX-License-Identifier: MIT
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <k2s/sdk/error.hpp>

#include "net.hpp"
#include "observer.hpp"

namespace k2s::dataplane {

/// Where to listen: `host:port`, `[IPv6]:port`, `:port` or `*:port` (every address, IPv4 and IPv6);
/// port 0 takes a free one.
struct ListenAddress {
    std::string host; // empty: every address
    uint16_t port = 0;
    std::string text; // as configured

    static std::expected<ListenAddress, Error> parse(std::string_view text);
};

/// An open listening socket and the configured address that it serves.
struct Listener {
    ListenAddress address;
    Acceptor acceptor;
};

/// Resolves (names only) and opens `address`: an empty host gives one dual-stack socket, or an IPv4
/// socket where the system has no IPv6; a name with several addresses gives several listeners.
/// Errors: K2S_E_BUSY (address in use), K2S_E_PERMISSION, K2S_E_IO.
std::expected<std::vector<std::shared_ptr<Listener>>, Error>
open_listener(net::io_context &io, const ListenAddress &address);

/// linux/listen.cpp, windows/listen.cpp: a restart may take the port at once, another process may
/// never share it.
void set_listener_options(Acceptor &acceptor);

/// The listeners of an engine and their accept loops.
class ListenerSet {
  public:
    struct Callbacks {
        /// A client has connected; the socket is prepared (see prepare_socket).
        std::function<void(Socket socket, const SocketAddress &peer, const ListenAddress &at)>
            accepted;
        /// Out of descriptors or memory: give back what is only kept for later.
        std::function<void()> shortage;
    };

    ListenerSet(net::io_context &io, std::shared_ptr<Observer> observer, Callbacks callbacks);
    ~ListenerSet() { close(); }
    ListenerSet(const ListenerSet &) = delete;
    ListenerSet &operator=(const ListenerSet &) = delete;

    /// Listens on exactly these addresses: those that stay keep their sockets, new ones are opened,
    /// the others are closed. On an error nothing has changed.
    std::expected<void, Error> set(const std::vector<ListenAddress> &addresses);
    void close() noexcept;

    /// With the real ports.
    std::vector<Endpoint> endpoints() const;

  private:
    using Listeners = std::vector<std::shared_ptr<Listener>>;
    struct Shared;

    void serve(const Listeners &opened);
    static Task<void> accept_loop(std::shared_ptr<Shared> shared,
                                  std::shared_ptr<Listener> listener);

    std::shared_ptr<Shared> shared_; // the accept loops may outlive this object for a moment
    Listeners listeners_;
};

/// address:port, IPv6 in brackets.
std::string text_of(const Endpoint &endpoint);

} // namespace k2s::dataplane
