// SPDX-License-Identifier: MIT
#include "app/service_control.hpp"

#include <cstddef>
#include <cstring>
#include <string>

#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "util/environment.hpp"

namespace k2s::core {
namespace {

/// sd_notify(3), whose protocol is one datagram. Nobody may be waited for and nobody cares for
/// failures: a manager that misses a word acts on its own time limits.
void notify(const std::string &words) {
    const auto path = environment("NOTIFY_SOCKET");
    sockaddr_un to{};
    if (!path || path->size() >= sizeof(to.sun_path)) {
        return;
    }
    to.sun_family = AF_UNIX;
    std::memcpy(to.sun_path, path->data(), path->size());
    socklen_t size = offsetof(sockaddr_un, sun_path) + path->size();
    if (to.sun_path[0] == '@') {
        to.sun_path[0] = '\0'; // an abstract name
    } else {
        ++size;
    }
    const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0) {
        static_cast<void>(::sendto(fd, words.data(), words.size(), MSG_NOSIGNAL,
                                   reinterpret_cast<const sockaddr *>(&to), size));
        ::close(fd);
    }
}

std::string monotonic_microseconds() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return std::to_string(now.tv_sec * 1'000'000LL + now.tv_nsec / 1000);
}

} // namespace

void tell_service_manager(ServiceState state) {
    switch (state) {
    case ServiceState::ready:
        notify("READY=1\nSTATUS=running");
        break;
    case ServiceState::reloading:
        notify("RELOADING=1\nMONOTONIC_USEC=" + monotonic_microseconds() + "\nSTATUS=reloading");
        break;
    case ServiceState::stopping:
        notify("STOPPING=1\nSTATUS=draining");
        break;
    }
}

// Beyond those words systemd needs none: it sends SIGTERM and SIGHUP.
int run_as_service(Cancellation &, const std::function<int(const Ready &)> &body) {
    return body([] { tell_service_manager(ServiceState::ready); });
}

void report_failed_start(int) {} // whoever started it sees the exit code

} // namespace k2s::core
