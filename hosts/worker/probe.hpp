// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "platform.hpp"

namespace k2s::worker {

struct ProbeJob {
    std::string library;   // as messages name it; Windows also loads it by this
    std::string plugin_id; // that the manifest says
    Inherited report;      // one JSON object per line goes here
    Inherited file;        // the open library
    bool hashed;           // who asks knows its hash
    bool foreign;          // it is not trusted
};

/// Hashes the open file unless that is done, gives up what an untrusted library may not have, loads
/// it, calls its entry with a host that has no interface, and looks at the descriptor. Each step is
/// announced on the report first, so that the parent knows where a library ended that takes this
/// process along. Ends the process.
[[noreturn]] void probe(const ProbeJob &job);

} // namespace k2s::worker
