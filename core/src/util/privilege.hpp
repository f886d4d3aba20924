// SPDX-License-Identifier: MIT
#pragma once

namespace k2s::core {

/// True when this process may do more than the user who can edit the per-user files: root, other
/// effective than real ids, any permitted capability; an elevated or SYSTEM token on Windows. Such
/// a process reads no per-user configuration and loads no per-user plugin.
bool is_privileged();

/// True for the account that owns the system's own directories: effective uid 0; an elevated
/// administrator or a SYSTEM process on Windows.
bool is_system_account();

} // namespace k2s::core
