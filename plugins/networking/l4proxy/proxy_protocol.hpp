// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "dataplane/buffer.hpp"
#include "dataplane/net.hpp"
#include "dataplane/stream.hpp"
#include "dataplane/watchdog.hpp"

namespace k2s::l4proxy {

using dataplane::Endpoint;
using dataplane::Task;

/// Who talks to whom, as a PROXY protocol header says it.
struct ProxyHeader {
    enum class Family : uint8_t {
        none, // LOCAL or UNKNOWN: the connection's own addresses hold
        ip,
        unix_socket,
    };
    Family family = Family::none;
    bool datagram = false;
    Endpoint source;
    Endpoint destination;
    std::string source_path; // Unix sockets; a leading NUL means an abstract name
    std::string destination_path;

    bool operator==(const ProxyHeader &) const = default;
};

enum class ProxyVersion : uint8_t { v1, v2 };

struct ProxyParse {
    enum class Status : uint8_t { complete, incomplete, malformed };
    Status status = Status::incomplete;
    size_t used = 0;      // bytes of the header, when complete
    std::string_view why; // when malformed; a literal
    ProxyVersion version = ProxyVersion::v1;
    ProxyHeader header; // when complete
};

/// Longest headers that are read: version 1's own bound, and room for many TLVs.
inline constexpr size_t k_proxy_v1_max = 107;
inline constexpr size_t k_proxy_v2_max = 4096;

/// The PROXY protocol header (version 1 or 2) at the start of `data`. Strict: canonical IPv4
/// addresses and ports, TLVs that fill the header exactly, a CRC32c TLV that is right when there is
/// one. `malformed` is told at the first byte that shows it.
ProxyParse parse_proxy_header(std::string_view data);

/// The header that tells `header`. Version 1 knows no Unix sockets and no datagrams and says
/// UNKNOWN for them. IPv4 and IPv6 mixed are told as IPv6. `checksum` adds a CRC32c TLV to
/// version 2.
std::string write_proxy_header(const ProxyHeader &header, ProxyVersion version,
                               bool checksum = false);

/// Reads the header from a connection that has just been accepted; what comes after it is left in
/// `in`. The error is one sentence for the log. `watchdog.client` is `stream`; the deadline is
/// armed here and stays armed.
Task<std::expected<ProxyHeader, std::string>> read_proxy_header(dataplane::Stream &stream,
                                                                dataplane::Buffer &in,
                                                                dataplane::Watchdog &watchdog,
                                                                dataplane::Clock::duration timeout);

} // namespace k2s::l4proxy
