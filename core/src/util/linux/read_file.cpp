// SPDX-License-Identifier: MIT
#include "util/read_file.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace k2s::core {
namespace {

class Descriptor {
  public:
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(const Descriptor &) = delete;
    Descriptor &operator=(const Descriptor &) = delete;
    ~Descriptor() {
        if (fd_ >= 0) {
            ::close(fd_);
        }
    }
    int get() const { return fd_; }

  private:
    int fd_;
};

const char *kind(mode_t mode) {
    switch (mode & S_IFMT) {
    case S_IFDIR:
        return "a directory";
    case S_IFIFO:
        return "a pipe";
    case S_IFSOCK:
        return "a socket";
    default:
        return "a device";
    }
}

} // namespace

Result<std::optional<std::string>> read_file_if_exists(const fs::path &path,
                                                       std::size_t max_bytes) {
    // O_NONBLOCK: a FIFO without a writer would block the open for ever.
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (file.get() < 0) {
        const int error = errno;
        if (error == ENOENT || error == ENOTDIR) {
            return std::nullopt;
        }
        const bool denied = error == EACCES || error == EPERM;
        return fail(denied ? K2S_E_PERMISSION : K2S_E_IO, "cannot read {}: {}{}", path_text(path),
                    std::strerror(error),
                    denied ? "; check the owner and mode of it and its folders" : "");
    }
    struct stat facts{};
    if (::fstat(file.get(), &facts) != 0) {
        return fail(K2S_E_IO, "cannot read {}: {}", path_text(path), std::strerror(errno));
    }
    if (!S_ISREG(facts.st_mode)) {
        return fail(K2S_E_IO, "cannot read {}: it is {}; name a regular file", path_text(path),
                    kind(facts.st_mode));
    }
    // st_size is 0 for files of /proc and may change while we read: it is only a first guess.
    std::string content;
    const auto expected = static_cast<std::size_t>(facts.st_size);
    std::size_t used = 0;
    content.resize(expected < max_bytes ? expected + 1 : max_bytes + 1);
    while (used <= max_bytes) {
        const ssize_t got = ::read(file.get(), content.data() + used, content.size() - used);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return fail(K2S_E_IO, "cannot read {}: {}", path_text(path), std::strerror(errno));
        }
        if (got == 0) {
            content.resize(used);
            return content;
        }
        used += static_cast<std::size_t>(got);
        if (used == content.size() && used <= max_bytes) {
            content.resize(used * 2 < max_bytes ? used * 2 : max_bytes + 1);
        }
    }
    return fail(K2S_E_NO_MEMORY, "cannot read {}: it is longer than the limit of {} bytes",
                path_text(path), max_bytes);
}

} // namespace k2s::core
