// SPDX-License-Identifier: MIT
/// \file
/// The part that every exe shares: answer --version, find the tree, load the core, hand over.
/// No C++ runtime is used here, so that the exe starts as fast as a C program.
#pragma once

#include <k2s/host/main.h>

/// Each exe's own data, in its folder.
extern "C" const k2s_preset k2s_this_preset;

namespace k2s::host {

/// Answers `-version` / `--version` when it is the only argument. True: done.
bool answers_version(int argc, const char *const *argv);

/// Writes "<tool>: what: why" to standard error.
void complain(const char *what, const char *why);

} // namespace k2s::host
