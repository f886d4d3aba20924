// SPDX-License-Identifier: MIT
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <k2s/sdk/error.hpp>

#include "balancer.hpp"
#include "dataplane/observer.hpp"
#include "dataplane/socket_stock.hpp"
#include "dataplane/watchdog.hpp"
#include "endpoint.hpp"
#include "udp_socket.hpp"

namespace k2s::l4proxy {

/// Where a target's datagrams go.
struct UdpTarget {
    dataplane::NetworkPlace place;
    UdpEndpoint endpoint;
};

struct UdpOptions {
    Clock::duration idle_timeout = std::chrono::seconds(60);
    /// A session ends once each datagram of the client has had so many answers (DNS: 1); 0: only
    /// when it is idle.
    unsigned responses = 0;
    size_t max_sessions = 16'384;
    size_t max_sessions_per_client = 4096;
};

/// Written by the io_context's thread, read by any.
struct UdpCounters {
    dataplane::Counter sessions; // open now
    dataplane::Counter sessions_total;
    dataplane::Counter evicted; // to make room for new ones
    dataplane::Counter client_datagrams;
    dataplane::Counter client_bytes;
    dataplane::Counter target_datagrams;
    dataplane::Counter target_bytes;
    dataplane::Counter denied;      // datagrams of clients that are not admitted
    dataplane::Counter dropped;     // no target, no descriptor, or too many waiting for a socket
    dataplane::Counter too_large;   // for the route
    dataplane::Counter unreachable; // ICMP errors
};

struct UdpSessionEnd {
    enum class Why : uint8_t { idle, answered, evicted, closed };
    Why why;
    const UdpEndpoint &client;
    std::string_view target; // its name
    uint64_t client_datagrams, client_bytes, target_datagrams, target_bytes;
    Clock::duration duration;
};
std::string_view text_of(UdpSessionEnd::Why why) noexcept;

/// One address to listen on, opened: several sockets when its name has several addresses.
struct UdpListen {
    std::string text; // as configured
    dataplane::NetworkPlace place;
    dataplane::PlaceIdentity identity; // of the place
    std::vector<dataplane::NativeSocket> sockets;
    std::vector<std::unique_ptr<UdpSocket>> taken; // from another forward instead
};

/// Opens `url` in its place. An empty host gives one dual-stack socket, or an IPv4 socket where the
/// system has no IPv6. May look up a name and wait for it. `shared`: see bind_udp_socket.
std::expected<UdpListen, Error> open_udp_listen(const EndpointUrl &url, bool shared = false);

/// Forwards datagrams: each client has a session with a socket of its own, connected to the target
/// in the target's network. Belongs to the io_context's thread. No datagram allocates memory, but a
/// new session does.
class UdpForward {
  public:
    struct Callbacks {
        /// Where a target is now; none while its name is not known.
        std::function<std::optional<UdpTarget>(const Target &)> locate;
        /// May this client open a session? Empty: everyone.
        std::function<bool(const Address &)> admit;
        /// Would what a connected socket sends come back to this proxy? May be empty.
        std::function<bool(const UdpTarget &, dataplane::NativeSocket::Handle)> leads_back;
        /// For the access log; may be empty.
        std::function<void(const UdpSessionEnd &)> ended;
    };
    struct Context {
        dataplane::net::io_context &io;
        UdpLoop &loop;
        dataplane::SocketStock &stock;
        std::shared_ptr<dataplane::Observer> observer;
        std::shared_ptr<UdpCounters> counters;
    };

    /// `name` is for log lines.
    UdpForward(Context context, std::string name, std::shared_ptr<Balancer> balancer,
               Callbacks callbacks);
    ~UdpForward();
    UdpForward(const UdpForward &) = delete;
    UdpForward &operator=(const UdpForward &) = delete;

    void set_options(const UdpOptions &options);

    /// The texts of the addresses that are being listened on: they need not be opened again.
    std::vector<std::string> listening() const;
    /// Listens on `added` and on those of `kept` (texts) that it has. Others get no new sessions
    /// and close when their last one ends. On an error nothing has changed.
    std::expected<void, Error> listen(const std::vector<std::string> &kept,
                                      std::vector<UdpListen> added);
    /// No new sessions by listeners whose place is gone or has been replaced; the log tells.
    void lose_gone_places();
    /// Gives the sockets of an address to another forward, with what waits in them. Its sessions
    /// end.
    UdpListen release(const std::string &text);
    /// With the real ports.
    std::vector<UdpEndpoint> endpoints() const;
    /// The same with their places: what no target may be.
    std::vector<UdpTarget> own() const;

    /// To be called about once a second: ends idle sessions.
    void tick();

    /// No new sessions; those in which nothing has moved for a moment end now and with each tick.
    void drain();
    /// Ends everything.
    void close();
    size_t sessions() const noexcept;

  private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

} // namespace k2s::l4proxy
