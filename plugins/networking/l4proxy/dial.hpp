// SPDX-License-Identifier: MIT
#pragma once

#include <expected>
#include <optional>
#include <string>

#include "engine.hpp"
#include "udp_forward.hpp"

namespace k2s::l4proxy {

/// Connects to a target, each of its addresses in turn, for something else than a session: Asio has
/// the socket. The error says why not. The watchdog ends it. The arguments must outlive the task.
Task<std::expected<Socket, std::string>> dial(Engine &engine, const TargetSettings &target,
                                              dataplane::Watchdog &watchdog);

/// A UDP socket that is connected to `to`, to be read and written like a stream: a datagram each.
Task<std::expected<Socket, std::string>> dial_datagrams(Engine &engine, std::optional<UdpTarget> to,
                                                        dataplane::Watchdog &watchdog);

/// The target's addresses, after a look-up when it has a name; empty with the reason in `problem`.
Task<std::vector<SocketAddress>> addresses_of(Engine &engine, const TargetSettings &target,
                                              dataplane::Watchdog &watchdog, std::string &problem);

} // namespace k2s::l4proxy
