// SPDX-License-Identifier: MIT
#include "../dir.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

namespace k2s::zap {
namespace {

constexpr size_t k_listing_bytes = 64 * 1024;

/// As the kernel writes it; glibc has no declaration of its own for getdents64's records.
struct KernelEntry {
    uint64_t inode;
    int64_t offset;
    uint16_t length;
    uint8_t type;
    char name[1]; // and on
};

enum : uint8_t { k_type_unknown = 0, k_type_directory = 4 };

std::error_code last_error() noexcept {
    return {errno, std::generic_category()};
}

int open_resolved(int at, const char *name, uint64_t flags, uint64_t resolve) noexcept {
    open_how how{};
    how.flags = flags;
    how.resolve = resolve;
    return static_cast<int>(syscall(SYS_openat2, at, name, &how, sizeof(how)));
}

/// Takes immutable and append-only away. True: they were there, so another try makes sense.
bool clear_attributes(int fd) noexcept {
    unsigned int flags = 0;
    if (ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0 ||
        (flags & (FS_IMMUTABLE_FL | FS_APPEND_FL)) == 0) {
        return false;
    }
    flags &= ~static_cast<unsigned int>(FS_IMMUTABLE_FL | FS_APPEND_FL);
    return ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0;
}

/// The same for an entry, which may be a directory. Only files and directories have them, and
/// opening a device could do something.
bool clear_attributes(int at, const char *name) noexcept {
    struct stat info{};
    if (fstatat(at, name, &info, AT_SYMLINK_NOFOLLOW) != 0 ||
        (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode))) {
        return false;
    }
    const int fd = open_resolved(at, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
                                 RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV | RESOLVE_BENEATH);
    if (fd < 0) {
        return false;
    }
    const bool cleared = clear_attributes(fd);
    ::close(fd);
    return cleared;
}

} // namespace

void Dir::close() noexcept {
    if (handle_ != -1) {
        ::close(static_cast<int>(std::exchange(handle_, -1)));
    }
}

Dir Dir::open(const fs::path &path, std::error_code &failed) {
    Dir dir;
    // The path was resolved before, so a link in it now is one that somebody has just put there.
    dir.handle_ = open_resolved(AT_FDCWD, path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC,
                                RESOLVE_NO_SYMLINKS);
    failed = dir.handle_ < 0 ? last_error() : std::error_code{};
    return dir;
}

Dir Dir::open_child(const Name &name, std::error_code &failed) const {
    Dir dir;
    const int at = static_cast<int>(handle_);
    constexpr uint64_t k_resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV | RESOLVE_BENEATH;
    constexpr uint64_t k_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    dir.handle_ = open_resolved(at, name.c_str(), k_flags, k_resolve);
    if (dir.handle_ < 0 && errno == EACCES &&
        fchmodat(at, name.c_str(), S_IRWXU, AT_SYMLINK_NOFOLLOW) == 0) {
        // An ordinary user meets directories that he owns and may not read (overlay's work/work).
        dir.handle_ = open_resolved(at, name.c_str(), k_flags, k_resolve);
    }
    failed = dir.handle_ < 0 ? last_error() : std::error_code{};
    if (failed == std::errc::too_many_symbolic_link_levels) {
        failed = std::make_error_code(std::errc::not_a_directory);
    } else if (failed == std::errc::cross_device_link) {
        failed = std::make_error_code(std::errc::device_or_resource_busy); // a mount point
    }
    return dir;
}

bool Dir::list(std::vector<Entry> &batch, bool sizes, std::error_code &failed) {
    alignas(KernelEntry) char buffer[k_listing_bytes];
    const int fd = static_cast<int>(handle_);
    batch.clear();
    failed = {};
    while (batch.empty()) {
        const long size = syscall(SYS_getdents64, fd, buffer, sizeof(buffer));
        if (size <= 0) {
            failed = size < 0 ? last_error() : std::error_code{};
            return false;
        }
        for (long at = 0; at < size;) {
            const auto *entry = reinterpret_cast<const KernelEntry *>(buffer + at);
            at += entry->length;
            const char *const name = entry->name;
            if (std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0) {
                continue;
            }
            Entry found{name, entry->type == k_type_directory, 0};
            struct stat info{};
            if ((sizes || entry->type == k_type_unknown) &&
                fstatat(fd, name, &info, AT_SYMLINK_NOFOLLOW) == 0) {
                found.directory = S_ISDIR(info.st_mode);
                const auto bytes = static_cast<uint64_t>(info.st_blocks) * 512;
                found.bytes = found.directory || info.st_nlink < 2 ? bytes : bytes / info.st_nlink;
            }
            batch.push_back(std::move(found));
        }
    }
    return true;
}

std::error_code Dir::remove(const Name &name, bool directory) const {
    const int at = static_cast<int>(handle_);
    const int flags = directory ? AT_REMOVEDIR : 0;
    if (unlinkat(at, name.c_str(), flags) == 0) {
        return {};
    }
    if (errno == EPERM || errno == EACCES) {
        // EPERM is immutable or append-only, of the entry or of its directory; EACCES a directory
        // of our own that we may not write to.
        const bool entry = clear_attributes(at, name.c_str());
        const bool own = clear_attributes(at);
        const bool writable = !entry && !own && geteuid() != 0 && fchmod(at, S_IRWXU) == 0;
        if ((entry || own || writable) && unlinkat(at, name.c_str(), flags) == 0) {
            return {};
        }
        struct stat info{};
        if (!directory && fstatat(at, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISDIR(info.st_mode)) {
            return std::make_error_code(std::errc::is_a_directory); // POSIX lets it be EPERM
        }
        errno = EPERM;
    }
    return last_error();
}

std::error_code Dir::move(const Name &name, const Dir &to, const Name &as) const {
    const auto attempt = [&] {
        return syscall(SYS_renameat2, static_cast<int>(handle_), name.c_str(),
                       static_cast<int>(to.handle_), as.c_str(), RENAME_NOREPLACE) == 0;
    };
    if (attempt()) {
        return {};
    }
    if (errno == EPERM) {
        const bool entry = clear_attributes(static_cast<int>(handle_), name.c_str());
        const bool from = clear_attributes(static_cast<int>(handle_));
        if ((entry || from) && attempt()) {
            return {};
        }
        errno = EPERM;
    }
    return last_error();
}

std::string text_of(const fs::path &path) {
    return path.native();
}

} // namespace k2s::zap
