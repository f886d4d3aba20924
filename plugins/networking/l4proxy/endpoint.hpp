// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include <k2s/sdk/error.hpp>

#include "dataplane/listener.hpp"
#include "dataplane/network_place.hpp"
#include "dataplane/unix_address.hpp"

namespace k2s::l4proxy {

using dataplane::ListenAddress;
using dataplane::NetworkPlace;
using dataplane::UnixAddress;

/// One side of a forward: `tcp://[netns:db]10.0.0.5:5432`, `udp://:53`, `unix:///run/x.sock`.
///
///     URL   = ("tcp" | "udp") "://" [PLACE] [HOST] ":" PORT
///           | "unix://" [PLACE] ("/" PATH | "@" NAME) ["?mode=" OCTAL]
///     PLACE = "[netns:" NAME "]" | "[netns:/" PATH "]" | "[pid:" N "]" | "[compartment:" N "]"
///     HOST  = IPv4 | "[" IPv6 "]" | name
///
/// Without a host it is every address to listen on, and the place's own loopback as a target. Names
/// of targets are looked up here, not in the place. For Unix sockets a place only matters when the
/// name is an abstract one.
struct EndpointUrl {
    enum class Transport : uint8_t { tcp, udp, unix_stream };

    Transport transport = Transport::tcp;
    NetworkPlace place;
    std::string host; // without brackets
    uint16_t port = 0;
    std::optional<UnixAddress> unix_socket;
    std::string text; // as configured

    static std::expected<EndpointUrl, Error> parse_listen(std::string_view text);
    static std::expected<EndpointUrl, Error> parse_target(std::string_view text);

    bool datagrams() const noexcept { return transport == Transport::udp; }
    ListenAddress listen_address() const;
    /// True when both mean the same socket: `text` aside.
    bool same_as(const EndpointUrl &other) const noexcept;
};

std::string_view text_of(EndpointUrl::Transport transport) noexcept;

} // namespace k2s::l4proxy
