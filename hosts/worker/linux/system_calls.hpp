// SPDX-License-Identifier: MIT
#pragma once

namespace k2s::worker {

/// From now on this process and its children get "not permitted" for calls that change the machine
/// or other processes, and with `no_children` for those that start a process. False when the kernel
/// cannot do that.
bool filter_system_calls(bool no_admin, bool no_children);

} // namespace k2s::worker
