// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <functional>
#include <thread>

namespace k2s::dataplane::test {

/// Whether `condition` comes true within five seconds.
inline bool eventually(const std::function<bool()> &condition) {
    for (int i = 0; i < 500; ++i) {
        if (condition()) {
            return true;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
}

} // namespace k2s::dataplane::test
