// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include "head_parser.hpp"
#include "target.hpp"

// Heads as they leave this hop: RFC 9110 7.6 (Connection, Via) and RFC 9112 3.2 (target, Host).
namespace k2s::httpproxy {

struct RequestRewrite {
    bool absolute_form = false;           // for an upstream proxy
    std::string_view proxy_authorization; // for an upstream proxy, or empty
    std::string_view via_name;
    bool pass_upgrade = false;
};

/// Replaces `out` with the request head for the next hop.
void write_request_head(std::string &out, const HeadParser &head, const Target &target,
                        const RequestRewrite &how);

/// Replaces `out` with the Via fields for the next hop: the request's and this proxy's.
void write_via(std::string &out, const HeadParser &head, std::string_view name);

struct ResponseRewrite {
    std::string_view via_name;
    bool close = false; // say that the connection ends here
    bool http10_keep_alive = false;
    bool chunked = false;
    bool content_length = false; // pass the upstream's on
    bool pass_upgrade = false;
};

/// Replaces `out` with the response head for the client.
void write_response_head(std::string &out, const HeadParser &head, const ResponseRewrite &how);

/// Replaces `out` with the last part of a chunked body: the trailer fields that may be passed on
/// and the empty line.
void write_trailers(std::string &out, const HeadParser &trailers);

} // namespace k2s::httpproxy
