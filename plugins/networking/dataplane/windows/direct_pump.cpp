// SPDX-License-Identifier: MIT
#include "../direct_pump.hpp"

namespace k2s::dataplane {

// Completion ports read into a buffer that is there while one waits: the portable pump does that.
const bool k_direct_pump = false;

Task<DirectEnd> run_direct(DirectFlow) {
    co_return DirectEnd::source_failed;
}

} // namespace k2s::dataplane
