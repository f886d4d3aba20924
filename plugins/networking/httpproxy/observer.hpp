// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace k2s::httpproxy {

enum class LogLevel : uint8_t { debug, info, warn, error };

struct LogField {
    std::string_view key;
    std::string_view value;
};

/// One finished request or tunnel. Never carries credentials. Views live for the call only.
struct AccessEntry {
    std::string_view client;   // address and port
    std::string_view method;
    std::string_view target;   // request target as received (CONNECT: host:port)
    std::string_view route;    // "direct", the upstream's scheme://host:port, or "-" when refused
    std::string_view problem;  // why the proxy answered itself, or empty
    unsigned status = 0;       // 0: closed without an answer
    uint64_t bytes_in = 0;     // body or tunnel bytes from the client
    uint64_t bytes_out = 0;    // … to the client
    std::chrono::microseconds duration{};
    bool reused_upstream = false;
};

/// What the engine tells its host. Called on the thread that runs the io_context; must not block.
class Observer {
public:
    virtual ~Observer() = default;
    virtual void on_log(LogLevel level, std::string_view message,
                        std::initializer_list<LogField> fields) = 0;
    virtual void on_access(const AccessEntry &entry) = 0;
};

/// Written by one thread, read by any.
class Counter {
public:
    void add(uint64_t n = 1) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    void sub(uint64_t n = 1) noexcept { add(~n + 1); }
    uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<uint64_t> value_{0};
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
    Counter errors_upstream;    // broken or malformed answers, refused tunnels
    Counter errors_timeout;
    Counter errors_accept;
};

} // namespace k2s::httpproxy
