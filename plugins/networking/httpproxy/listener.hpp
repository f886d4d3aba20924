// SPDX-License-Identifier: MIT
#pragma once

#include <expected>
#include <memory>
#include <vector>

#include <k2s/sdk/error.hpp>

#include "net.hpp"
#include "settings.hpp"

namespace k2s::httpproxy {

/// An open listening socket and the configured address that it serves.
struct Listener {
    ListenAddress address;
    Acceptor acceptor;
};

/// Resolves (names only) and opens `address`: an empty host gives one dual-stack socket, or an IPv4
/// socket where the system has no IPv6; a name with several addresses gives several listeners.
std::expected<std::vector<std::shared_ptr<Listener>>, Error>
open_listener(net::io_context &io, const ListenAddress &address);

/// linux/listen.cpp, windows/listen.cpp: a restart may take the port at once, another process may
/// never share it.
void set_listener_options(Acceptor &acceptor);

} // namespace k2s::httpproxy
