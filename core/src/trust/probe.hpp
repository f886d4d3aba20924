// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "trust/identity.hpp"

namespace k2s::core::trust {

/// What a plugin's library did when it was loaded in a child process for the first time.
struct ProbeResult {
    bool good = false;
    /// Of the open file, as the worker read it before it loaded anything. Known also when the
    /// library then crashed or hung, so that the record can name it; empty if even that failed.
    std::string sha256;
    std::string id; // as the library says; empty unless good
    std::string version;

    /// When not good: where it ended, a K2S_E_* code and a whole sentence.
    std::string stage; // "hash", "load", "symbol", "entry" or "descriptor"
    std::int32_t code = 0;
    std::string message;
};

constexpr std::chrono::milliseconds k_probe_deadline{10000};

struct ProbeRules {
    std::chrono::milliseconds deadline = k_probe_deadline;
    std::string sha256;   ///< of the open file where it is known: then it is not read once more
    bool foreign = false; ///< it is not trusted: its code may do what its worker may later
};

/// Loads the library in `worker` (the k2s-worker program), calls its entry with a host that offers
/// nothing, and compares the id. A library that crashes, exits or hangs there is a result, not an
/// error; an error means that the worker itself could not be used. [may block until the deadline]
Result<ProbeResult> probe(const fs::path &worker, const OpenLibrary &library,
                          std::string_view plugin_id, const ProbeRules &rules = {});

} // namespace k2s::core::trust
