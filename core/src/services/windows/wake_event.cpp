// SPDX-License-Identifier: MIT
#include "services/wake_event.hpp"

#include <windows.h>

namespace k2s::core {

WakeEvent::~WakeEvent() {
    if (native_.load() != k_none) {
        ::CloseHandle(native_.load());
    }
}

bool WakeEvent::open() noexcept {
    if (native_.load() == k_none) {
        native_.store(::CreateEventW(nullptr, stays_set_, FALSE, nullptr));
    }
    return native_.load() != k_none;
}

void WakeEvent::set() noexcept {
    if (const HANDLE event = native_.load()) {
        ::SetEvent(event);
    }
}

void WakeEvent::wait_for_any(WakeEvent &one, WakeEvent &other, std::chrono::milliseconds limit) {
    const HANDLE events[] = {one.native(), other.native()};
    ::WaitForMultipleObjects(2, events, FALSE, static_cast<DWORD>(limit.count()));
}

} // namespace k2s::core
