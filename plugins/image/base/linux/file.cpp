// SPDX-License-Identifier: MIT
#include "base/file.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace k2s::image {
namespace {

int descriptor(intptr_t handle) {
    return static_cast<int>(handle);
}

} // namespace

Error system_error(const char *what, const std::string &path) {
    const int code = errno;
    const bool denied = code == EACCES || code == EPERM || code == EROFS;
    return {denied                              ? K2S_E_PERMISSION
            : code == ENOENT || code == ENOTDIR ? K2S_E_NOT_FOUND
                                                : K2S_E_IO,
            fmt::format("cannot {} '{}': {}", what, path, std::strerror(code))};
}

Result<File> File::open(const std::string &path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat info{};
    if (file < 0 || fstat(file, &info) != 0) {
        return std::unexpected(system_error("open", path));
    }
    File opened(path, file);
    if (!S_ISREG(info.st_mode)) {
        return fail(K2S_E_USAGE, "'{}' is a {}; name a regular file", path,
                    S_ISDIR(info.st_mode) ? "folder" : "device, pipe or socket");
    }
    return opened;
}

Result<File> File::create(const std::string &path) {
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (file < 0) {
        return std::unexpected(system_error("create", path));
    }
    return File(path, file);
}

Result<File> File::open_or_create(const std::string &path) {
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (file < 0) {
        return std::unexpected(system_error("open", path));
    }
    return File(path, file);
}

File::File(File &&other) noexcept
    : path_(std::move(other.path_)), handle_(std::exchange(other.handle_, -1)) {}

File &File::operator=(File &&other) noexcept {
    std::swap(path_, other.path_);
    std::swap(handle_, other.handle_);
    return *this;
}

File::~File() {
    if (handle_ >= 0) {
        ::close(descriptor(handle_));
    }
}

Result<size_t> File::read(void *into, size_t size) {
    size_t done = 0;
    while (done < size) {
        const ssize_t got =
            ::read(descriptor(handle_), static_cast<char *>(into) + done, size - done);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return std::unexpected(system_error("read", path_));
        }
        if (got == 0) {
            break;
        }
        done += static_cast<size_t>(got);
    }
    return done;
}

Done File::write(const void *data, size_t size) {
    const char *next = static_cast<const char *>(data);
    while (size > 0) {
        const ssize_t done = ::write(descriptor(handle_), next, size);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done < 0) {
            return std::unexpected(system_error("write", path_));
        }
        next += done;
        size -= static_cast<size_t>(done);
    }
    return {};
}

Done File::seek(uint64_t position) {
    if (::lseek(descriptor(handle_), static_cast<off_t>(position), SEEK_SET) < 0) {
        return std::unexpected(system_error("seek in", path_));
    }
    return {};
}

Result<uint64_t> File::size() const {
    struct stat info{};
    if (fstat(descriptor(handle_), &info) != 0) {
        return std::unexpected(system_error("look at", path_));
    }
    return static_cast<uint64_t>(info.st_size);
}

Done File::truncate(uint64_t size) {
    if (ftruncate(descriptor(handle_), static_cast<off_t>(size)) != 0) {
        return std::unexpected(system_error("shorten", path_));
    }
    return seek(size);
}

Done File::sync() {
    if (fsync(descriptor(handle_)) != 0) {
        return std::unexpected(system_error("flush", path_));
    }
    return {};
}

Result<bool> File::try_lock(LockKind kind) {
    const int how = (kind == LockKind::exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB;
    while (flock(descriptor(handle_), how) != 0) {
        if (errno == EWOULDBLOCK) {
            return false;
        }
        if (errno != EINTR) {
            return std::unexpected(system_error("lock", path_));
        }
    }
    return true;
}

Done rename_durably(const std::string &from, const std::string &to) {
    if (::rename(from.c_str(), to.c_str()) != 0) {
        return std::unexpected(system_error("rename a file to", to));
    }
    const std::string folder = to.substr(0, to.rfind('/'));
    const int directory = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) {
        return std::unexpected(system_error("open", folder));
    }
    // Some file systems cannot flush a folder; then the rename is as durable as they make it.
    const bool failed = fsync(directory) != 0 && errno != EINVAL && errno != ENOTSUP;
    const Error why = failed ? system_error("flush", folder) : Error{};
    ::close(directory);
    if (failed) {
        return std::unexpected(why);
    }
    return {};
}

std::string default_store(const std::string &override_folder) {
    if (!override_folder.empty()) {
        return override_folder;
    }
    if (geteuid() == 0) {
        return "/var/lib/k2s/images";
    }
    // Only for a user's own folder, so a privileged process is not led astray by it.
    const char *data = std::getenv("XDG_DATA_HOME");
    const char *home = std::getenv("HOME");
    return (data != nullptr && *data == '/') ? std::string(data) + "/k2s/images"
           : home != nullptr                 ? std::string(home) + "/.local/share/k2s/images"
                                             : std::string();
}

} // namespace k2s::image
