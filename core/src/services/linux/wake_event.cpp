// SPDX-License-Identifier: MIT
#include "services/wake_event.hpp"

#include <array>
#include <cstdint>

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace k2s::core {

WakeEvent::~WakeEvent() {
    if (native_.load() != k_none) {
        ::close(native_.load());
    }
}

bool WakeEvent::open() noexcept {
    if (native_.load() != k_none) {
        return true;
    }
    // Above the standard streams: where one of those is closed it must not take its place, or a
    // plugin would read from it.
    int event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (event >= 0 && event <= STDERR_FILENO) {
        const int moved = ::fcntl(event, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        ::close(event);
        event = moved;
    }
    native_.store(event < 0 ? k_none : event);
    return event >= 0;
}

void WakeEvent::set() noexcept {
    if (const int descriptor = native_.load(); descriptor != k_none) {
        const uint64_t one = 1;
        // Fails only when the counter is full, and then it is readable already.
        [[maybe_unused]] const ssize_t written = ::write(descriptor, &one, sizeof(one));
    }
}

void WakeEvent::wait_for_any(WakeEvent &one, WakeEvent &other, std::chrono::milliseconds limit) {
    std::array<pollfd, 2> wait{pollfd{one.native(), POLLIN, 0}, pollfd{other.native(), POLLIN, 0}};
    ::poll(wait.data(), wait.size(), static_cast<int>(limit.count()));
    for (const WakeEvent *const event : {&one, &other}) {
        const pollfd &entry = wait[event == &one ? 0 : 1];
        if (!event->stays_set_ && (entry.revents & POLLIN) != 0) {
            uint64_t count = 0; // reading it makes it unreadable
            [[maybe_unused]] const ssize_t got = ::read(entry.fd, &count, sizeof(count));
        }
    }
}

} // namespace k2s::core
