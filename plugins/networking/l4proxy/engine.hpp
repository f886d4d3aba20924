// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <vector>

#include "dataplane/net.hpp"
#include "dataplane/relay.hpp"
#include "dataplane/resolver.hpp"
#include "dataplane/roster.hpp"
#include "dataplane/socket_stock.hpp"
#include "observer.hpp"
#include "settings.hpp"
#include "udp_socket.hpp"

namespace k2s::l4proxy {

namespace net = dataplane::net;

using dataplane::error_code;
using dataplane::NativeSocket;
using dataplane::Roster;
using dataplane::Socket;
using dataplane::Task;

/// What all forwards of one io_context share; belongs to the one thread that runs it. More cores
/// mean more engines, not more threads in one.
struct Engine {
    Engine(net::io_context &context, std::shared_ptr<Observer> watcher)
        : io(context), observer(std::move(watcher)), resolver(io), stock(io), relays(io), udp(io) {}

    /// Where this proxy listens.
    struct Own {
        NetworkPlace place;
        Endpoint endpoint;
    };
    /// True when a connection to `to`, made in `place`, leads back to this proxy. Its other end is
    /// waiting to be accepted then: see is_loop.
    bool leads_back(const NetworkPlace &place, NativeSocket::Handle connected,
                    const SocketAddress &to);
    /// Likewise for a UDP socket. Nothing has been sent yet, so nobody waits at the other end.
    bool datagrams_lead_back(const NetworkPlace &place, NativeSocket::Handle connected,
                             const SocketAddress &to) const;
    /// True, once, for the other end of such a connection. To serve it would begin the next round.
    bool is_loop(const Endpoint &peer);

    net::io_context &io;
    const std::shared_ptr<Observer> observer;
    dataplane::Resolver resolver;
    dataplane::SocketStock stock;
    dataplane::RelayLoop relays;
    UdpLoop udp;
    std::vector<Own> listeners;
    std::vector<Own> udp_listeners; // of all forwards
    std::vector<Endpoint> loops;    // our ends of connections that led back
    Counter turned_away;            // closed unserved: no descriptors
    Counter stocked;                // gauge: sockets made ahead

  private:
    enum class Met : uint8_t { other, itself, listener };
    static Met who_is_met(const std::vector<Own> &listeners, const NetworkPlace &place,
                          NativeSocket::Handle connected, const SocketAddress &to);
};

} // namespace k2s::l4proxy
