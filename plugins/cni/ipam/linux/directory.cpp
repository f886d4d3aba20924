// SPDX-License-Identifier: MIT
#include "ipam/directory.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spec/files.hpp"

namespace k2s::cni {
namespace {

constexpr std::size_t k_longest_content = 1024;
constexpr long k_ns = 1'000'000'000;

std::unexpected<Failure> failed(const char *what, const std::string &path) {
    const int why = errno;
    const char *remedy = why == ENOSPC || why == EDQUOT ? "; make room, then try again"
                         : why == EROFS || why == EACCES
                             ? "; \"dataDir\" of \"ipam\" can name a writable folder"
                             : "";
    return fail(k_io_failure, "host-local cannot {} '{}': {}{}", what, path, std::strerror(why),
                remedy);
}

bool write_all(int file, std::string_view content) {
    while (!content.empty()) {
        const ssize_t done = write(file, content.data(), content.size());
        if (done < 0 && errno != EINTR) {
            return false;
        }
        content.remove_prefix(done > 0 ? static_cast<std::size_t>(done) : 0);
    }
    return true;
}

uint64_t stamp_of(const struct timespec &time) {
    return static_cast<uint64_t>(time.tv_sec) * k_ns + static_cast<uint64_t>(time.tv_nsec);
}

} // namespace

Result<std::optional<Directory>> Directory::open(const std::string &path, bool create) {
    constexpr int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    int folder = ::open(path.c_str(), flags);
    if (folder < 0 && errno == ENOENT) {
        if (!create) {
            return std::nullopt;
        }
        if (!make_folders(path)) {
            return failed("make the folder", path);
        }
        folder = ::open(path.c_str(), flags);
    }
    if (folder < 0) {
        return failed("open the folder", path);
    }
    Directory result(path, folder, -1);
    // The name and the kind of lock are the reference's.
    result.lock_ = openat(folder, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (result.lock_ < 0) {
        return failed("open", path + "/lock");
    }
    while (flock(result.lock_, LOCK_EX) != 0) {
        if (errno != EINTR) {
            return failed("lock", path + "/lock");
        }
    }
    return result;
}

Directory::Directory(Directory &&other) noexcept
    : path_(std::move(other.path_)), folder_(std::exchange(other.folder_, -1)),
      lock_(std::exchange(other.lock_, -1)) {}

Directory::~Directory() {
    for (const int file : {lock_, folder_}) {
        if (file >= 0) {
            close(file);
        }
    }
}

Result<bool> Directory::create(const std::string &name, std::string_view content) {
    const int file = openat(folder_, name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0) {
        return errno == EEXIST ? Result<bool>(false) : failed("create", path_ + "/" + name);
    }
    const bool written = write_all(file, content);
    const int why = errno;
    if (close(file) == 0 && written) {
        return true;
    }
    unlinkat(folder_, name.c_str(), 0);
    errno = written ? errno : why;
    return failed("write", path_ + "/" + name);
}

Result<void> Directory::replace(const std::string &name, std::string_view content) {
    const int file =
        openat(folder_, name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0) {
        return failed("open", path_ + "/" + name);
    }
    // Truncated last, and only when it was longer: truncating first makes ext4 write at once.
    struct stat about{};
    const auto size = static_cast<off_t>(content.size());
    const bool written = write_all(file, content) && fstat(file, &about) == 0 &&
                         (about.st_size <= size || ftruncate(file, size) == 0);
    const int why = errno;
    close(file);
    errno = why;
    return written ? Result<void>() : failed("write", path_ + "/" + name);
}

std::optional<std::string> Directory::read(const std::string &name) const {
    const int file = openat(folder_, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file < 0) {
        return std::nullopt;
    }
    std::array<char, k_longest_content + 1> buffer{};
    const ssize_t got = ::read(file, buffer.data(), buffer.size());
    close(file);
    if (got < 0 || static_cast<std::size_t>(got) > k_longest_content) {
        return std::nullopt;
    }
    return std::string(buffer.data(), static_cast<std::size_t>(got));
}

Result<bool> Directory::remove(const std::string &name) {
    if (unlinkat(folder_, name.c_str(), 0) == 0) {
        return true;
    }
    return errno == ENOENT ? Result<bool>(false) : failed("remove", path_ + "/" + name);
}

std::vector<std::string> Directory::names() const {
    std::vector<std::string> found;
    const int again = openat(folder_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const std::unique_ptr<DIR, int (*)(DIR *)> stream(again < 0 ? nullptr : fdopendir(again),
                                                      closedir);
    while (stream != nullptr) {
        const auto *entry = readdir(stream.get());
        if (entry == nullptr) {
            break;
        }
        found.emplace_back(entry->d_name);
    }
    return found;
}

Directory::State Directory::state() const {
    struct stat about{};
    if (fstat(folder_, &about) != 0) {
        return {};
    }
    return {about.st_dev, about.st_ino, stamp_of(about.st_mtim)};
}

uint64_t Directory::mark() {
    // The kernel stamps changes with the time of the last tick; random nanoseconds are not among
    // those.
    uint32_t random = 0;
    struct timespec now{};
    if (getrandom(&random, sizeof(random), 0) != sizeof(random) ||
        clock_gettime(CLOCK_REALTIME, &now) != 0) {
        return 0;
    }
    now.tv_nsec = random % k_ns;
    const std::array<struct timespec, 2> times{timespec{0, UTIME_OMIT}, now};
    return futimens(folder_, times.data()) == 0 ? state().stamp : 0;
}

} // namespace k2s::cni
