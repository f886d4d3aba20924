// SPDX-License-Identifier: MIT
#pragma once

#include <cstdlib>

/// What must hold for any input; the fuzzer takes the end of the process for a find.
inline void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}
