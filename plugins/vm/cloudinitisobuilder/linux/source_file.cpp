// SPDX-License-Identifier: MIT
#include "../source_file.hpp"

#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

namespace k2s::cloudinitisobuilder {
namespace {

struct Descriptor {
    int value;
    explicit Descriptor(int fd) : value(fd) {}
    Descriptor(const Descriptor &) = delete;
    Descriptor &operator=(const Descriptor &) = delete;
    ~Descriptor() {
        if (value >= 0) {
            ::close(value);
        }
    }
};

std::unexpected<Error> system_failure(const std::string &what, const std::string &path) {
    const int code = errno;
    return fail(code == ENOENT || code == ENOTDIR ? K2S_E_NOT_FOUND
                : code == EACCES || code == EPERM ? K2S_E_PERMISSION
                                                  : K2S_E_IO,
                what + " '" + path + "': " + std::strerror(code));
}

EntryKind kind_of(mode_t mode) {
    return S_ISREG(mode)   ? EntryKind::file
           : S_ISDIR(mode) ? EntryKind::directory
           : S_ISLNK(mode) ? EntryKind::symbolic_link
                           : EntryKind::other;
}

} // namespace

std::expected<std::vector<SourceEntry>, Error> list_directory(const std::string &path,
                                                              size_t limit) {
    const std::unique_ptr<DIR, int (*)(DIR *)> stream(::opendir(path.c_str()), &::closedir);
    if (!stream) {
        return system_failure("cannot read the source directory", path);
    }
    std::vector<SourceEntry> entries;
    for (;;) {
        errno = 0;
        const dirent *entry = ::readdir(stream.get());
        if (entry == nullptr) {
            break;
        }
        const std::string name = entry->d_name;
        if (name == "." || name == "..") {
            continue;
        }
        if (entries.size() == limit) {
            return fail(K2S_E_NO_MEMORY, "'" + path + "' has more than " + std::to_string(limit) +
                                             " entries; keep only the seed's files in it");
        }
        struct stat info{};
        if (::fstatat(::dirfd(stream.get()), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
            return system_failure("cannot examine", join(path, name));
        }
        entries.push_back({name, kind_of(info.st_mode)});
    }
    if (errno != 0) {
        return system_failure("cannot read the source directory", path);
    }
    return entries;
}

std::expected<std::string, Error> read_regular_file(const std::string &path, uint64_t limit) {
    // O_NONBLOCK: a FIFO put in the file's place must not hang the build.
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    struct stat info{};
    if (file.value < 0 || ::fstat(file.value, &info) != 0) {
        return system_failure("cannot read", path);
    }
    if (!S_ISREG(info.st_mode)) {
        return fail(K2S_E_FAILED, "'" + path + "' is not a regular file");
    }
    const auto too_big = [&] {
        return fail(K2S_E_NO_MEMORY, "'" + path + "' is too big: the files of a seed may have " +
                                         std::to_string(limit) + " more bytes here");
    };
    if (static_cast<uint64_t>(info.st_size) > limit) {
        return too_big();
    }
    std::string content;
    content.reserve(static_cast<size_t>(info.st_size));
    char buffer[65536];
    for (;;) {
        const ssize_t got = ::read(file.value, buffer, sizeof buffer);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return system_failure("cannot read", path);
        }
        if (got == 0) {
            return content;
        }
        if (content.size() + static_cast<size_t>(got) > limit) {
            return too_big(); // it grew
        }
        content.append(buffer, static_cast<size_t>(got));
    }
}

bool same_directory(const std::string &left, const std::string &right) {
    struct stat a{}, b{};
    return ::stat(left.c_str(), &a) == 0 && ::stat(right.c_str(), &b) == 0 &&
           a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

std::string join(const std::string &directory, std::string_view name) {
    const bool closed = !directory.empty() && directory.back() == '/';
    return directory + (closed ? "" : "/") + std::string(name);
}

std::string parent_of(const std::string &path) {
    const size_t slash = path.rfind('/');
    return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

} // namespace k2s::cloudinitisobuilder
