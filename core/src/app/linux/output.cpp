// SPDX-License-Identifier: MIT
#include "app/output.hpp"

#include <cerrno>
#include <unistd.h>

namespace k2s::core {
namespace {

bool write_all(int fd, std::string_view data) noexcept {
    while (!data.empty()) {
        const ssize_t done = ::write(fd, data.data(), data.size());
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            return false;
        }
        data.remove_prefix(static_cast<size_t>(done));
    }
    return true;
}

} // namespace

bool write_out(std::string_view data) noexcept {
    return write_all(STDOUT_FILENO, data);
}

void write_err(std::string_view text) noexcept {
    write_all(STDERR_FILENO, text);
}

void end_process(int code) noexcept {
    ::_exit(code);
}

} // namespace k2s::core
