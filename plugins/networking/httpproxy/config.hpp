// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace k2s::httpproxy {

/// What the operator sets. Text as given; Proxy::create and reload check all of it.
struct Config {
    using Duration = std::chrono::milliseconds;

    /// `host:port`, `:port` (every address, IPv4 and IPv6), `[::1]:port`; port 0 takes a free one.
    std::vector<std::string> addr{":8181"};
    /// Report every request to Observer::on_access.
    bool verbose = true;
    /// The same, with what only an access log needs.
    bool access_log = false;
    /// Upstream proxy for everything: `http(s)://[user:pass@]host:port` or `socks5://…`;
    /// empty: none.
    std::string forwardproxy;
    /// Upstreams when `forwardproxy` is empty: the environment's HTTP_PROXY (plain requests) and
    /// HTTPS_PROXY (CONNECT).
    std::string http_proxy;
    std::string https_proxy;
    /// `user:password` for these upstreams when their URL has none; the file's first line wins.
    std::string upstream_credentials;
    std::string upstream_credentials_file;
    /// Bypass list of these upstreams; see NoProxy.
    std::string no_proxy;
    /// PEM file of the roots that an https upstream is verified with; empty: the system's.
    std::string upstream_ca_file;

    /// A rule by destination. Rules go before everything above; see Routes.
    struct RouteRule {
        std::vector<std::string> match; // items of a HostMatcher, and `:port`
        std::string via;                // direct, block, or an upstream's URL
        std::string credentials;        // user:password, or empty
        std::string credentials_file;   // the same as the first line of a file
        std::string ca_file;
    };
    std::vector<RouteRule> routes;

    /// Networks whose hosts may use the proxy. Loopback clients always may; without any range
    /// nobody else may.
    std::vector<std::string> allowed_cidrs;
    /// Ranges of loopback, link-local and similar addresses that remote clients may reach after
    /// all.
    std::vector<std::string> allowed_destinations;
    /// Ports of this host's own addresses that remote clients may not reach, whatever the address:
    /// remote shells and desktops, file sharing, remote administration, container engines, kubelet.
    std::vector<uint16_t> protected_ports{22,   135,  139,  445,   2375, 2376,
                                          3389, 5985, 5986, 10250, 10255};
    /// Fixed names, like /etc/hosts.
    std::map<std::string, std::vector<std::string>> hosts;

    size_t max_header_bytes = 64 * 1024;
    size_t max_uri_bytes = 32 * 1024;
    /// Bytes per second that a client's request body has to come with, on average, once it has
    /// taken longer than header_timeout; 0: any rate.
    size_t min_upload_rate = 0;
    size_t max_connections = 4096;
    size_t max_connections_per_client = 1024;
    size_t max_idle_upstream = 256; // kept for reuse, in total
    size_t max_idle_upstream_per_target = 64;

    Duration header_timeout = std::chrono::seconds(30);       // first to last byte of a head
    Duration keep_alive_timeout = std::chrono::seconds(75);   // between two requests of a client
    Duration connect_timeout = std::chrono::seconds(20);      // name look-up, TCP, TLS, CONNECT
    Duration exchange_idle_timeout = std::chrono::minutes(5); // no byte either way in an exchange
    Duration tunnel_idle_timeout = std::chrono::hours(1);     // no byte either way in a tunnel
    Duration upstream_idle_timeout = std::chrono::seconds(50);
};

} // namespace k2s::httpproxy
