// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <atomic>

#include "host_line.hpp"
#include "services/services.hpp"

namespace k2s::worker {

/// What the plugin gets here of a host that is in another process. One per process.
struct HostState {
    HostLine &line;
    std::string version;
    int32_t log_threshold = 0; ///< read and written by atomic_ref
    std::atomic<uint64_t> generation{0};
    std::array<uint32_t, 3> columns{};  ///< of the host's terminal, by stream
    std::atomic<uint32_t> running{0};   ///< number of the command that runs; 0: none
    core::Services *services = nullptr; ///< once they are made
};

/// Ports whose other end is the host, and tables for what only the host has: notices to others,
/// bars, the terminal, standard input. `state` has to outlive the services.
core::Ports make_host_ports(HostState &state);

/// The sinks of a running command: 0 output, 1 messages, 2 data.
struct RemoteSink {
    HostState &state;
    uint32_t call;
    uint8_t which;
    k2s_sink table();
};

} // namespace k2s::worker
