// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "process/process.hpp"
#include "process/windows/handle.hpp"

/// CreateProcess with everything that makes it exact: no search surprises, no inherited handle but
/// the listed ones, and in its job before it runs one instruction.
namespace k2s::core::process {

struct Launched {
    Handle job;
    Handle process;
    DWORD id = 0;
};

struct StandardHandles {
    HANDLE in = nullptr;
    HANDLE out = nullptr;
    HANDLE err = nullptr;
};

/// `inherited` holds each inheritable handle that the child gets, the standard ones included.
Result<Launched> launch(const Spec &spec, const StandardHandles &standard,
                        std::vector<HANDLE> inherited);

} // namespace k2s::core::process
