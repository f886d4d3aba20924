// SPDX-License-Identifier: MIT
#pragma once

#include <windows.h>

namespace k2s::dataplane {

/// SetCurrentThreadCompartmentId of iphlpapi.dll: moves the calling thread.
using SetCompartment = DWORD(WINAPI *)(UINT32 id);

/// Null where the system has none. Tests put their double here.
SetCompartment &set_compartment();

} // namespace k2s::dataplane
