// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string>

namespace k2s::core::admin {

/// One request to a running host. Bounded by the server: body 64 KiB, header 8 KiB.
struct Request {
    std::string method; // "GET", "POST"
    std::string path;   // "/state", without the query
    std::string query;  // after the '?', as it came
    std::string body;
    /// Came over the local endpoint, whose peer was checked; false: the read-only HTTP listener.
    bool trusted = false;
};

/// Status when another change is being made: ask again.
constexpr int k_busy = 409;

struct Response {
    int status = 200;
    std::string body;
    std::string content_type = "application/json";
};

/// [any-thread: up to two calls at a time, but only one that is not a GET]
using Handler = std::function<Response(const Request &)>;

} // namespace k2s::core::admin
