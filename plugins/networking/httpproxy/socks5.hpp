// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include "dataplane/buffer.hpp"
#include "dataplane/stream.hpp"
#include "upstream.hpp"
#include "vocabulary.hpp"

namespace k2s::httpproxy {

/// Asks a SOCKS5 proxy (RFC 1928, with user and password of RFC 1929 when the upstream has them)
/// for a connection to `host`; names are left to the proxy to resolve. Empty when it stands, else
/// what went wrong. Bytes after the answer stay in `in`. The arguments must outlive the task.
Task<std::string> socks5_connect(Stream &stream, Buffer &in, const Upstream &upstream,
                                 const std::string &host, uint16_t port);

} // namespace k2s::httpproxy
