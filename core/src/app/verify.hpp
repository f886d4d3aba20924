// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <functional>

#include "app/tree.hpp"
#include "lifecycle/plugin.hpp"

namespace k2s::core {

/// What a library has to pass before it is mapped: readable and of this platform, not writable by
/// others, and – when it is new or has changed since – loaded once in a child process with a
/// deadline, because a hang or a crash cannot be undone in this one.
/// `probe_time` is asked when a probe is needed.
VerifyLibrary make_verifier(const Tree &tree,
                            std::function<std::chrono::milliseconds()> probe_time);

} // namespace k2s::core
