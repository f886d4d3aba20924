// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "app/tree.hpp"
#include "app/trust_gate.hpp"
#include "lifecycle/plugin.hpp"

namespace k2s::core {

/// How the host treats libraries; the times are asked for when they are needed.
struct VerifyRules {
    TrustGate &gate;
    std::function<std::chrono::milliseconds()> probe_time;
    std::function<std::chrono::milliseconds()> create_time;
    /// Watch the `create` of known libraries as well: somebody waits for services, and Ctrl-C
    /// does not end a host that hangs there.
    bool watch_all = false;
    /// App::give_up: a plugin's create does not come back.
    std::function<void(const std::string &plugin, const std::string &reason)> give_up;
    /// The library is to run in a worker: it cannot take this process along, so it needs no trial.
    bool for_worker = false;
};

/// What a library has to pass before it is mapped: readable and of this platform, not writable by
/// others, signed by somebody who is trusted as far as the policy asks for it, and – when it is new
/// or has changed since – loaded once in a child process with a deadline, because a hang or a crash
/// cannot be undone in this one. Its first create in this process is on record, so that a start
/// which did not survive it is the last one that tries.
VerifyLibrary make_verifier(const Tree &tree, VerifyRules rules);

/// Why the library of a plugin is quarantined; nothing when it is not.
std::optional<std::string> quarantine_reason(const Manifest &manifest,
                                             const boost::filesystem::path &folder);

/// Keeps the library of a plugin from being used again, in this and later processes.
void quarantine(const Manifest &manifest, const boost::filesystem::path &folder,
                const std::string &reason);

/// Forgets that: the library is probed and tried again. True when there was something to forget.
Result<bool> lift_quarantine(const Manifest &manifest, const boost::filesystem::path &folder);

} // namespace k2s::core
