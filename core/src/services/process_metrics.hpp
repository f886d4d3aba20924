// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>

namespace k2s::core {

/// What the operating system knows of this process; what it does not tell is left out.
struct ProcessFacts {
    std::optional<double> start_time_seconds; ///< since 1970
    std::optional<double> cpu_seconds;        ///< user and system
    std::optional<uint64_t> resident_bytes;
    std::optional<uint64_t> virtual_bytes;
    std::optional<uint64_t> open_descriptors; ///< Windows: handles
    std::optional<uint64_t> max_descriptors;
    std::optional<uint64_t> threads;
};

ProcessFacts process_facts();

} // namespace k2s::core
