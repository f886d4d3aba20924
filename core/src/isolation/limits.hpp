// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace k2s::core::process {
struct Spec;
}

namespace k2s::core::isolation {

/// What a worker may not do. Every worker also loses the right to gain privileges (Linux:
/// no_new_privs) or those it has beyond an ordinary user's (Windows: a token without privileges,
/// when `admin_calls` is false).
struct WorkerLimits {
    std::string user;       ///< Linux, when the host is root: name or number; empty: the host's
    uint64_t memory_mb = 0; ///< of address space (Windows: committed); 0: no limit
    std::optional<uint32_t> processes; ///< that it may start; none: no limit
    bool read_only = false;   ///< may write no file (Linux: Landlock; Windows: low integrity)
    bool admin_calls = false; ///< may mount, trace others, load modules, … as far as its user may
    bool bare_environment = false; ///< sees no variable of the host's that could hold a secret
};

/// Of a plugin that is let in without being trusted.
WorkerLimits foreign_limits();

/// The part of the limits that whoever starts the worker puts on it. The worker does the rest.
void limit_process(process::Spec &spec, const WorkerLimits &limits);

} // namespace k2s::core::isolation
