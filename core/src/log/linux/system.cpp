// SPDX-License-Identifier: MIT
#include "log/system.hpp"

#include <cerrno>
#include <cstring>
#include <ctime>

#include <poll.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/filesystem/operations.hpp>

#include "util/environment.hpp"

namespace k2s::core {
namespace {

constexpr int k_stderr_patience_ms = 200;
// A pipe that polls writable takes this much without blocking (POSIX: PIPE_BUF).
constexpr std::size_t k_chunk = 4096;

} // namespace

int64_t process_id() {
    return ::getpid();
}

int64_t wall_clock_us() {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return static_cast<int64_t>(now.tv_sec) * 1000000 + now.tv_nsec / 1000;
}

bool stderr_is_terminal() {
    return ::isatty(STDERR_FILENO) == 1;
}

bool stderr_takes_colours() {
    return stderr_is_terminal() && !environment("NO_COLOR") &&
           environment("TERM").value_or("dumb") != "dumb";
}

bool write_stderr(std::string_view text) noexcept {
    while (!text.empty()) {
        pollfd ready{STDERR_FILENO, POLLOUT, 0};
        const int polled = ::poll(&ready, 1, k_stderr_patience_ms);
        if (polled < 0 && errno == EINTR) {
            continue;
        }
        if (polled <= 0 || (ready.revents & POLLOUT) == 0) {
            return false;
        }
        const ssize_t written =
            ::write(STDERR_FILENO, text.data(), text.size() < k_chunk ? text.size() : k_chunk);
        if (written < 0 && (errno == EINTR || errno == EAGAIN)) {
            continue;
        }
        if (written <= 0) {
            return false;
        }
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

std::string random_hex(std::size_t bytes) {
    std::string raw(bytes, '\0');
    std::size_t got = 0;
    while (got < bytes) { // short only when a signal interrupts it
        const ssize_t more = ::getrandom(raw.data() + got, bytes - got, 0);
        got += more > 0 ? static_cast<std::size_t>(more) : 0;
    }
    std::string out;
    for (const char c : raw) {
        fmt::format_to(std::back_inserter(out), "{:02x}",
                       static_cast<unsigned>(static_cast<unsigned char>(c)));
    }
    return out;
}

Result<void> make_private_folder(const fs::path &folder) {
    if (::mkdir(folder.c_str(), 0750) == 0 || errno == EEXIST) {
        return {};
    }
    if (errno == ENOENT) { // the root was removed while we ran
        boost::system::error_code ignored;
        fs::create_directories(folder.parent_path(), ignored);
        if (::mkdir(folder.c_str(), 0750) == 0 || errno == EEXIST) {
            return {};
        }
    }
    const int error = errno;
    return fail(error == EACCES || error == EPERM || error == EROFS ? K2S_E_PERMISSION : K2S_E_IO,
                "cannot create the folder {}: {}", path_text(folder), std::strerror(error));
}

} // namespace k2s::core
