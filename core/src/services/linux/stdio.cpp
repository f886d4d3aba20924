// SPDX-License-Identifier: MIT
#include "services/stdio.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace k2s::core {

int64_t Stdio::read(uint8_t *buffer, uint64_t size) {
    constexpr uint64_t k_most = 1U << 30; // read(2) takes no more than about 2 GiB at once
    const auto wake = cancellation_.native_handle();
    for (;;) {
        if (cancellation_.requested()) {
            return K2S_E_CANCELLED;
        }
        if (size == 0) {
            return 0;
        }
        // A negative descriptor is ignored by poll(2).
        std::array<pollfd, 2> wait{pollfd{STDIN_FILENO, POLLIN, 0},
                                   pollfd{wake ? *wake : -1, POLLIN, 0}};
        if (::poll(wait.data(), wait.size(), -1) < 0) {
            if (errno == EINTR) {
                continue;
            }
            return K2S_E_IO;
        }
        if (wait[1].revents != 0) {
            continue;
        }
        const ssize_t got = ::read(STDIN_FILENO, buffer, std::min(size, k_most));
        if (got >= 0) {
            return got;
        }
        if (errno == EBADF) {
            return 0; // started with standard input closed
        }
        if (errno != EINTR && errno != EAGAIN) {
            return K2S_E_IO;
        }
    }
}

uint32_t Stdio::columns(uint32_t stream) noexcept {
    if (stream > K2S_STREAM_ERR) {
        return 0;
    }
    const int descriptor = static_cast<int>(stream); // the numbers are the same
    winsize size{};
    if (::ioctl(descriptor, TIOCGWINSZ, &size) != 0) {
        return 0;
    }
    return size.ws_col != 0 ? size.ws_col : 80; // serial lines do not know
}

bool Stdio::escapes(uint32_t stream) noexcept {
    return columns(stream) != 0;
}

std::optional<std::string> Stdio::environment(std::string_view name) {
    const char *const value = std::getenv(std::string(name).c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

void write_standard_error(std::string_view text) noexcept {
    while (!text.empty()) {
        const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
        if (written < 0) {
            if (errno == EINTR) {
                continue;
            }
            return;
        }
        text.remove_prefix(static_cast<std::size_t>(written));
    }
}

} // namespace k2s::core
