// SPDX-License-Identifier: MIT
#pragma once

#include "dataplane/access_record.hpp"
#include "dataplane/observer.hpp"

namespace k2s::l4proxy {

using dataplane::Counter;
using dataplane::LogField;
using dataplane::LogLevel;

/// What the engine tells its host. Called on the thread that runs the io_context; must not block.
class Observer : public dataplane::Observer {
  public:
    /// False saves the work of making records.
    virtual bool wants_access() const = 0;
    /// A connection has ended.
    virtual void on_access(const dataplane::AccessRecord &record) = 0;
};

/// Of one forward.
struct ForwardCounters {
    Counter connections;         // accepted, ever
    Counter active;              // gauge
    Counter bytes_in;            // from clients
    Counter bytes_out;           // to clients
    Counter denied;              // source address not allowed
    Counter rejected_limits;     // over max_connections or max_connections_per_client
    Counter errors_proxy_header; // missing or malformed PROXY header
    Counter errors_connect;      // single attempts that failed
    Counter errors_no_target;    // connections that no target took
    Counter errors_timeout;      // ended for having been idle
    Counter errors_loop;         // would have come back to this proxy
};

} // namespace k2s::l4proxy
