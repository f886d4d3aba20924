// SPDX-License-Identifier: MIT
#include "log/rotating_file.hpp"

#include <cerrno>
#include <cstring>
#include <thread>

#include <fcntl.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log/system.hpp"

namespace k2s::core {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto k_after_timeout = std::chrono::seconds(10);
constexpr auto k_after_failed_rotation = std::chrono::seconds(1);
constexpr uint32_t k_surplus = 100; // older parts that a lowered `keep` left behind

std::unexpected<Error> cannot(const char *what, const std::string &path, int error) {
    const bool denied = error == EACCES || error == EPERM || error == EROFS || error == ELOOP;
    return fail(denied ? K2S_E_PERMISSION : K2S_E_IO, "cannot {} {}: {}", what, path,
                std::strerror(error));
}

bool same_file(const struct stat &a, const struct stat &b) {
    return a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

} // namespace

struct RotatingFile::State {
    Options options;
    std::string path;
    std::string lock_path;
    int fd = -1;
    int lock_fd = -1;
    struct stat opened{};
    Clock::time_point quiet_until{};
    Clock::time_point next_rotation{};

    explicit State(Options given)
        : options(std::move(given)), path(options.path.native()), lock_path(path + ".lock") {}
    ~State() {
        close(fd);
        close(lock_fd);
    }

    static void close(int &descriptor) {
        if (descriptor >= 0) {
            ::close(descriptor);
            descriptor = -1;
        }
    }

    // O_NOFOLLOW and the check for a regular file: nobody may point a privileged logger elsewhere.
    Result<int> open(const std::string &name) {
        constexpr int k_flags =
            O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
        int descriptor = ::open(name.c_str(), k_flags, 0640);
        if (descriptor < 0 && errno == ENOENT) {
            if (auto made = make_private_folder(options.path.parent_path()); !made) {
                return pass(made);
            }
            descriptor = ::open(name.c_str(), k_flags, 0640);
        }
        if (descriptor < 0) {
            return cannot("open", name, errno);
        }
        struct stat facts{};
        if (::fstat(descriptor, &facts) != 0 || !S_ISREG(facts.st_mode)) {
            close(descriptor);
            return fail(K2S_E_IO, "cannot log to {}: it is not a regular file; remove it", name);
        }
        return descriptor;
    }

    Result<void> lock() {
        const auto deadline = Clock::now() + options.lock_timeout;
        auto pause = std::chrono::microseconds(50);
        for (int attempt = 0;; ++attempt) {
            if (lock_fd < 0) {
                auto opened_lock = open(lock_path);
                if (!opened_lock) {
                    return pass(opened_lock);
                }
                lock_fd = *opened_lock;
            }
            if (::flock(lock_fd, LOCK_EX | LOCK_NB) == 0) {
                struct stat facts{};
                if (::fstat(lock_fd, &facts) == 0 && facts.st_nlink > 0) {
                    return {};
                }
                close(lock_fd); // removed by somebody: others lock a new one
                continue;
            }
            if (errno != EWOULDBLOCK && errno != EINTR) {
                return cannot("lock", lock_path, errno);
            }
            if (Clock::now() > deadline) {
                quiet_until = Clock::now() + k_after_timeout;
                return fail(K2S_E_TIMEOUT, "cannot lock {}: another process has held it for {} ms",
                            lock_path, options.lock_timeout.count());
            }
            if (attempt < 8) {
                ::sched_yield(); // the holder needs microseconds
            } else {
                std::this_thread::sleep_for(pause);
                pause = pause < std::chrono::milliseconds(2) ? pause * 2 : pause;
            }
        }
    }

    Result<void> reopen() {
        close(fd);
        auto file = open(path);
        if (!file) {
            return pass(file);
        }
        fd = *file;
        ::fstat(fd, &opened);
        // A process that was killed in the middle of a record leaves no newline at the end.
        char last = '\n';
        if (opened.st_size > 0 && ::pread(fd, &last, 1, opened.st_size - 1) == 1 && last != '\n' &&
            ::write(fd, "\n", 1) == 1) {
            ::fstat(fd, &opened);
        }
        return {};
    }

    std::string part(uint32_t number) const { return path + '.' + std::to_string(number); }

    Result<void> rotate() {
        bool moved = true;
        if (options.keep == 0) {
            moved = ::unlink(path.c_str()) == 0;
        } else {
            for (uint32_t number = options.keep; moved && number > 1; --number) {
                moved = ::rename(part(number - 1).c_str(), part(number).c_str()) == 0 ||
                        errno == ENOENT;
            }
            moved = moved && ::rename(path.c_str(), part(1).c_str()) == 0;
        }
        if (!moved) { // a longer file is better than a lost line
            next_rotation = Clock::now() + k_after_failed_rotation;
            return {};
        }
        for (uint32_t number = options.keep + 1; number <= options.keep + k_surplus; ++number) {
            if (::unlink(part(number).c_str()) != 0) {
                break;
            }
        }
        return reopen();
    }

    Result<void> append(std::string_view record, off_t size) {
        std::string_view rest = record;
        while (!rest.empty()) {
            const ssize_t written = ::write(fd, rest.data(), rest.size());
            if (written < 0 && errno == EINTR) {
                continue;
            }
            if (written <= 0) {
                const int error = written < 0 ? errno : EIO;
                if (rest.size() != record.size() && ::ftruncate(fd, size) != 0) {
                    close(fd); // reopening repairs the line end
                }
                return cannot("write", path, error);
            }
            rest.remove_prefix(static_cast<std::size_t>(written));
        }
        return {};
    }

    Result<void> write_locked(std::string_view record) {
        struct stat now{};
        if (fd < 0 || ::stat(path.c_str(), &now) != 0 || !same_file(now, opened)) {
            if (auto done = reopen(); !done) {
                return done;
            }
            now = opened;
        }
        if (now.st_size > 0 &&
            static_cast<uint64_t>(now.st_size) + record.size() > options.max_bytes &&
            Clock::now() >= next_rotation) {
            if (auto done = rotate(); !done) {
                return done;
            }
            ::fstat(fd, &now);
        }
        return append(record, now.st_size);
    }
};

RotatingFile::RotatingFile(Options options) : state_(std::make_unique<State>(std::move(options))) {}

RotatingFile::~RotatingFile() = default;

Result<void> RotatingFile::write(std::string_view record) {
    if (Clock::now() < state_->quiet_until) {
        return fail(K2S_E_TIMEOUT, "{} is held by another process", state_->lock_path);
    }
    if (auto locked = state_->lock(); !locked) {
        return locked;
    }
    auto result = state_->write_locked(record);
    ::flock(state_->lock_fd, LOCK_UN);
    return result;
}

} // namespace k2s::core
