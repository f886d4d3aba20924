// SPDX-License-Identifier: MIT
#include "engine.hpp"

#include <algorithm>

#include "dataplane/connect.hpp"

namespace k2s::l4proxy {

namespace {

constexpr size_t k_most_loops = 256;

} // namespace

using dataplane::ip_endpoint;

Engine::Met Engine::who_is_met(const std::vector<Own> &listeners, const NetworkPlace &place,
                               NativeSocket::Handle connected, const SocketAddress &to) {
    constexpr uint16_t k_first_ephemeral = 32768;
    const Endpoint remote = ip_endpoint(to);
    const Address address = unmapped(remote.address());
    const auto is_at = [&](const Own &own) {
        return own.endpoint.port() == remote.port() && own.place == place;
    };
    const bool port_is_ours = std::any_of(listeners.begin(), listeners.end(), is_at);
    // A connection to a port of one's own that nobody listens on can meet itself.
    const bool may_meet_itself = address.is_loopback() && remote.port() >= k_first_ephemeral;
    if (!port_is_ours && !may_meet_itself) {
        return Met::other; // nearly always: nothing has to be asked
    }
    const Endpoint local = dataplane::local_endpoint(connected);
    if (local == remote) {
        return Met::itself;
    }
    const bool back = std::any_of(listeners.begin(), listeners.end(), [&](const Own &own) {
        const Address at = unmapped(own.endpoint.address());
        // A wildcard listener answers on every address of its host: those that a connection has at
        // both ends, and all of 127.0.0.0/8.
        const bool own_address = address == unmapped(local.address()) || address.is_loopback();
        return is_at(own) && (at == address || (at.is_unspecified() && own_address));
    });
    return back ? Met::listener : Met::other;
}

bool Engine::leads_back(const NetworkPlace &place, NativeSocket::Handle connected,
                        const SocketAddress &to) {
    if (to.protocol().family() == AF_UNIX) {
        return false; // settings look at these
    }
    const Met met = who_is_met(listeners, place, connected, to);
    if (met == Met::listener && loops.size() < k_most_loops) {
        const Endpoint local = dataplane::local_endpoint(connected);
        loops.emplace_back(unmapped(local.address()), local.port());
    }
    return met != Met::other;
}

bool Engine::datagrams_lead_back(const NetworkPlace &place, NativeSocket::Handle connected,
                                 const SocketAddress &to) const {
    return who_is_met(udp_listeners, place, connected, to) != Met::other;
}

bool Engine::is_loop(const Endpoint &peer) {
    return !loops.empty() &&
           std::erase(loops, Endpoint(unmapped(peer.address()), peer.port())) != 0;
}

} // namespace k2s::l4proxy
