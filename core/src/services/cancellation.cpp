// SPDX-License-Identifier: MIT
#include "services/cancellation.hpp"

namespace k2s::core {

std::string_view reason_text(StopReason reason) noexcept {
    switch (reason) {
    case StopReason::none:
        return "not requested";
    case StopReason::interrupt:
        return "Ctrl-C";
    case StopReason::terminate:
        return "SIGTERM";
    case StopReason::hang_up:
        return "the terminal hung up";
    case StopReason::console_close:
        return "the console was closed";
    case StopReason::logoff:
        return "the user logged off";
    case StopReason::shutdown:
        return "the system shuts down";
    case StopReason::requested:
        return "on request";
    }
    return "unknown";
}

StopReason Cancellation::wait() {
    return wait_until(after_ms(k_longest_wait_ms));
}

} // namespace k2s::core
