// SPDX-License-Identifier: MIT
#include "trust/records_file.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process/linux/descriptor.hpp"
#include "util/path.hpp"

namespace k2s::core::trust {

namespace {

std::unexpected<Error> file_error(const char *action, const fs::path &file) {
    const int reason = errno;
    const bool denied = reason == EACCES || reason == EPERM || reason == EROFS;
    return fail(denied ? K2S_E_PERMISSION : K2S_E_IO, "cannot {} the plugin records '{}': {}",
                action, path_text(file), std::strerror(reason));
}

/// So that a rename in it survives a power failure. Not every file system can do that.
void sync_folder(const fs::path &folder) {
    const Descriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (opened.valid()) {
        ::fsync(opened.get());
    }
}

} // namespace

std::string read_records_file(const fs::path &file) {
    const Descriptor in(
        ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
    struct stat info{};
    if (!in.valid() || ::fstat(in.get(), &info) != 0 || !S_ISREG(info.st_mode) ||
        (info.st_uid != 0 && info.st_uid != ::geteuid()) ||
        (info.st_mode & (S_IWGRP | S_IWOTH)) != 0 ||
        static_cast<std::size_t>(info.st_size) > k_records_file_max) {
        return {};
    }
    std::string text(static_cast<std::size_t>(info.st_size), '\0');
    const auto size = ::read(in.get(), text.data(), text.size());
    text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return text;
}

Result<RecordsLock> RecordsLock::take(const fs::path &file, std::chrono::milliseconds patience) {
    const auto until = std::chrono::steady_clock::now() + patience;
    const auto name = file.native() + ".lock";
    Descriptor lock(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!lock.valid()) {
        return file_error("lock", file);
    }
    while (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            return file_error("lock", file);
        }
        if (std::chrono::steady_clock::now() >= until) {
            return lock_busy(file);
        }
        std::this_thread::sleep_for(k_lock_pause);
    }
    return RecordsLock(lock.release());
}

RecordsLock::RecordsLock(RecordsLock &&other) noexcept
    : native_(std::exchange(other.native_, -1)) {}

RecordsLock::~RecordsLock() {
    if (native_ >= 0) {
        ::close(native_);
    }
}

Result<void> replace_records_file(const fs::path &file, const std::string &text) {
    // One name is enough under the lock, and a left-over of a crash is overwritten next time.
    const auto next = file.native() + ".new";
    ::unlink(next.c_str());
    {
        const Descriptor out(
            ::open(next.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (!out.valid() ||
            ::write(out.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
            ::fsync(out.get()) != 0) {
            auto error = file_error("write", file);
            ::unlink(next.c_str());
            return error;
        }
    }
    if (::rename(next.c_str(), file.c_str()) != 0) {
        return file_error("replace", file);
    }
    sync_folder(file.parent_path());
    return {};
}

} // namespace k2s::core::trust
