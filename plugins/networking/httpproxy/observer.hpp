// SPDX-License-Identifier: MIT
#pragma once

#include "dataplane/access_record.hpp"
#include "dataplane/observer.hpp"
#include "vocabulary.hpp"

namespace k2s::httpproxy {

/// One finished request or tunnel. `route` is "direct", the upstream's scheme://host:port, or "-"
/// when the request was refused.
struct AccessEntry : AccessRecord {
    bool reused_upstream = false;
};

/// What the engine tells its host. Called on the thread that runs the io_context; must not block.
class Observer : public dataplane::Observer {
  public:
    virtual void on_access(const AccessEntry &entry) = 0;
};

struct Counters {
    Counter connections;        // accepted, ever
    Counter active_connections; // gauge
    Counter requests;           // heads understood, CONNECT included
    Counter tunnels;            // opened, ever (CONNECT and Upgrade)
    Counter active_tunnels;     // gauge
    Counter bytes_in;           // body and tunnel bytes from clients
    Counter bytes_out;          // … to clients
    Counter upstream_connects;  // connections opened
    Counter upstream_reuses;    // taken from the pool
    Counter idle_upstream;      // gauge
    Counter denied_clients;     // source address not allowed
    Counter denied_targets;     // destination policy, self-loop
    Counter rejected_limits;    // connection limits
    Counter errors_request;     // malformed requests
    Counter errors_resolve;
    Counter errors_connect;
    Counter errors_upstream; // broken or malformed answers, refused tunnels
    Counter errors_timeout;
    Counter errors_accept;
};

} // namespace k2s::httpproxy
