// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

namespace k2s::dataplane {

/// One finished request, tunnel or forwarded connection. Never carries credentials. Views live for
/// the call only; empty means unknown.
struct AccessRecord {
    std::chrono::system_clock::time_point start;
    std::string_view client;   // address and port
    std::string_view method;   // "GET", "CONNECT", "TCP" …
    std::string_view target;   // as received
    std::string_view protocol; // "HTTP/1.1"
    std::string_view referer;
    std::string_view user_agent;
    std::string_view route;   // where it went
    std::string_view problem; // why the proxy answered itself or ended it
    unsigned status = 0;      // 0: none
    uint64_t bytes_in = 0;    // from the client
    uint64_t bytes_out = 0;   // to the client
    std::chrono::microseconds duration{};
};

} // namespace k2s::dataplane
