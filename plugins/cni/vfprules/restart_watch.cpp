// SPDX-License-Identifier: MIT
#include "vfprules/restart_watch.hpp"

#include <thread>

namespace k2s::vfprules {

RestartWatch::RestartWatch(std::function<uint32_t()> process, std::chrono::milliseconds pause)
    : process_(std::move(process)), pause_(pause), last_(process_()) {}

Expected<bool> RestartWatch::wait(const std::function<bool()> &cancelled) {
    for (;;) {
        const uint32_t now = process_();
        if (now != 0 && now != last_) {
            last_ = now;
            return true;
        }
        if (cancelled()) {
            return false;
        }
        std::this_thread::sleep_for(pause_);
    }
}

} // namespace k2s::vfprules
