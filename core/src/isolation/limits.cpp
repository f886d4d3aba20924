// SPDX-License-Identifier: MIT
#include "isolation/limits.hpp"

#include "process/process.hpp"
#include "util/environment.hpp"
#include "util/privilege.hpp"

namespace k2s::core::isolation {

namespace {

constexpr uint64_t k_foreign_memory_mb = 512;

/// What tells nothing of the host but how it finds programs and writes texts and times; on Windows
/// also what its own libraries ask for.
constexpr const char *k_harmless[] = {
    "PATH",       "LANG",        "LC_ALL", "LC_CTYPE", "TZ",
#ifdef _WIN32
    "SystemRoot", "SystemDrive", "windir", "TEMP",     "TMP",
#endif
};

} // namespace

WorkerLimits foreign_limits() {
    WorkerLimits limits;
    limits.memory_mb = k_foreign_memory_mb;
    limits.processes = 0;
    limits.read_only = true;
    limits.bare_environment = true;
#ifndef _WIN32
    limits.user = is_privileged() ? "nobody" : "";
#endif
    return limits;
}

void limit_process(process::Spec &spec, const WorkerLimits &limits) {
    spec.job.memory = limits.memory_mb * 1024 * 1024;
    spec.job.processes = limits.processes ? *limits.processes + 1 : 0; // itself
    spec.job.restricted = !limits.admin_calls;
    spec.job.low_integrity = limits.read_only;
    if (limits.bare_environment) {
        spec.clear_environment = true;
        for (const char *name : k_harmless) {
            if (const auto value = environment(name)) {
                spec.set_environment.emplace_back(name, *value);
            }
        }
    }
}

} // namespace k2s::core::isolation
