// SPDX-License-Identifier: MIT
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/net.hpp"
#include "dataplane/relay.hpp"
#include "dataplane/resolver.hpp"
#include "dataplane/roster.hpp"
#include "observer.hpp"
#include "pool.hpp"
#include "settings.hpp"
#include "vocabulary.hpp"

namespace k2s::httpproxy {

/// What all sessions of one io_context share. Everything in it belongs to the one thread that runs
/// the io_context, so there are no locks and no strands; only the counters are read from elsewhere.
/// More cores mean more engines (one io_context each), not more threads in one.
struct Engine {
    Engine(net::io_context &context, std::shared_ptr<const Settings> checked,
           std::shared_ptr<Observer> watcher, std::shared_ptr<Counters> counts, std::string name)
        : io(context), settings(std::move(checked)), observer(std::move(watcher)),
          counters(std::move(counts)), via_name(std::move(name)), resolver(io),
          pool(settings->config.max_idle_upstream, settings->config.max_idle_upstream_per_target,
               counters->idle_upstream),
          relays(io), roster(std::make_shared<Roster>(io)) {}

    /// True when this connection to `remote` leads back to this proxy.
    bool is_own_listener(const Endpoint &remote, NativeSocket::Handle connection) const;

    net::io_context &io;
    std::shared_ptr<const Settings> settings;
    std::shared_ptr<Observer> observer;
    std::shared_ptr<Counters> counters;
    std::string via_name; // unique per process: a Via with it is a loop
    Resolver resolver;
    Pool pool;
    RelayLoop relays;
    HeadParser parser; // scratch: used between two co_awaits, never across one
    std::vector<Endpoint> listeners;
    const std::shared_ptr<Roster> roster; // the sessions
};

/// Of the connection's own end; not IPv4-mapped.
Address local_address(NativeSocket::Handle connection) noexcept;

} // namespace k2s::httpproxy
