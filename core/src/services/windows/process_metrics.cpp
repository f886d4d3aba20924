// SPDX-License-Identifier: MIT
#include "services/process_metrics.hpp"

#include <windows.h>

#include <psapi.h>

namespace k2s::core {

namespace {

/// FILETIME counts 100 ns.
double seconds(const FILETIME &time) {
    const uint64_t ticks = uint64_t{time.dwHighDateTime} << 32 | time.dwLowDateTime;
    return static_cast<double>(ticks) / 1e7;
}

/// Between 1601, where FILETIME starts, and 1970.
constexpr double k_epoch_offset = 11'644'473'600.0;

} // namespace

ProcessFacts process_facts() {
    ProcessFacts facts;
    const HANDLE self = ::GetCurrentProcess();
    FILETIME created{};
    FILETIME ended{};
    FILETIME kernel{};
    FILETIME user{};
    if (::GetProcessTimes(self, &created, &ended, &kernel, &user) != 0) {
        facts.start_time_seconds = seconds(created) - k_epoch_offset;
        facts.cpu_seconds = seconds(kernel) + seconds(user);
    }
    PROCESS_MEMORY_COUNTERS_EX memory{};
    memory.cb = sizeof(memory);
    if (::K32GetProcessMemoryInfo(self, reinterpret_cast<PROCESS_MEMORY_COUNTERS *>(&memory),
                                  sizeof(memory)) != 0) {
        facts.resident_bytes = memory.WorkingSetSize;
        facts.virtual_bytes = memory.PrivateUsage; // committed, the nearest that Windows has
    }
    DWORD handles = 0;
    if (::GetProcessHandleCount(self, &handles) != 0) {
        facts.open_descriptors = handles;
    }
    return facts;
}

} // namespace k2s::core
