// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace k2s::l4proxy {

/// What the operator sets. Text as given; Proxy::create and reload check all of it.
struct TargetConfig {
    std::string to; // see EndpointUrl
    unsigned weight = 1;
    bool backup = false;
};

/// See HealthCheck.
struct HealthConfig {
    using Duration = std::chrono::milliseconds;

    std::string type = "off"; // connect, exchange, http
    std::string send;
    std::string expect;
    std::string path = "/";
    std::string host;
    unsigned status_from = 200;
    unsigned status_to = 399;
    Duration interval = std::chrono::seconds(5);
    Duration timeout = std::chrono::seconds(2);
    unsigned rise = 2;
    unsigned fall = 3;
};

struct ForwardConfig {
    using Duration = std::chrono::milliseconds;

    std::string name; // in logs and metrics; unique
    std::vector<std::string> listen;
    std::vector<TargetConfig> targets;
    std::string balance = "round_robin"; // least_connections, source_hash

    std::string proxy_protocol_accept = "off"; // required
    std::vector<std::string> proxy_protocol_trusted;
    std::string proxy_protocol_send = "off"; // v1, v2

    HealthConfig health;
    unsigned passive_failures = 3; // in a row; 0: off
    Duration passive_down_for = std::chrono::seconds(10);

    /// Networks whose hosts may use the forward; none: all that reach the address.
    std::vector<std::string> allowed_cidrs;
    Duration connect_timeout = std::chrono::seconds(5); // of each target that is tried
    Duration idle_timeout = std::chrono::hours(1);      // no byte either way
    bool keep_alive = true;                             // TCP's own, towards the target
    size_t max_connections = 20000;
    size_t max_connections_per_client = 20000;
    Duration udp_idle_timeout = std::chrono::seconds(60);
    unsigned udp_responses = 0; // a session ends after so many for each datagram; 0: when idle
    size_t max_udp_sessions = 16384;
    size_t max_udp_sessions_per_client = 4096;
};

struct Config {
    std::vector<ForwardConfig> forwards;
    /// Event loops that share the listening addresses; each has its own Proxy.
    unsigned workers = 1;
    /// Fixed names, like /etc/hosts.
    std::map<std::string, std::vector<std::string>> hosts;
};

} // namespace k2s::l4proxy
