// SPDX-License-Identifier: MIT
#pragma once

#include "app/tree.hpp"
#include "lifecycle/plugin.hpp"

namespace k2s::core {

/// What a library has to pass before it is mapped: readable and of this platform, not writable by
/// others, and – when it is new or has changed since – loaded once in a child process with a
/// deadline, because a hang or a crash cannot be undone in this one.
VerifyLibrary make_verifier(const Tree &tree);

} // namespace k2s::core
