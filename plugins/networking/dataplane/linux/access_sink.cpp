// SPDX-License-Identifier: MIT
#include "../access_sink.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace k2s::dataplane {
namespace {

error_code last_error() {
    return {errno, boost::system::system_category()};
}

class PosixFile final : public AppendFile {
  public:
    PosixFile(int fd, const struct stat &info) : fd_(fd), regular_(S_ISREG(info.st_mode)) {
        size_ = regular_ ? static_cast<uint64_t>(info.st_size) : 0;
    }
    ~PosixFile() override { ::close(fd_); }

    error_code append(std::string_view bytes, size_t &written) override {
        written = 0;
        while (written < bytes.size()) {
            const ssize_t n = ::write(fd_, bytes.data() + written, bytes.size() - written);
            if (n < 0 && errno == EINTR) {
                continue;
            }
            if (n <= 0) {
                return last_error();
            }
            written += static_cast<size_t>(n);
            size_ += static_cast<uint64_t>(n);
        }
        return {};
    }
    bool regular() const override { return regular_; }
    uint64_t size() const override { return size_; }

  private:
    int fd_;
    bool regular_;
    uint64_t size_ = 0;
};

class UnixDatagrams final : public DatagramSink {
  public:
    UnixDatagrams(int fd, const sockaddr_un &to) : fd_(fd), to_(to) {}
    ~UnixDatagrams() override { ::close(fd_); }

    // Not connected: journald may restart and then listens on a new socket of the same name.
    error_code send(std::string_view datagram) override {
        const ssize_t n =
            ::sendto(fd_, datagram.data(), datagram.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                     reinterpret_cast<const sockaddr *>(&to_), sizeof to_);
        return n < 0 ? last_error() : error_code();
    }

  private:
    int fd_;
    sockaddr_un to_;
};

} // namespace

std::expected<std::unique_ptr<AppendFile>, error_code> AppendFile::open(const std::string &path) {
    // O_NONBLOCK: a named pipe that nobody reads must be an error, not a wait.
    const int fd = ::open(path.c_str(),
                          O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
    if (fd < 0) {
        return std::unexpected(last_error());
    }
    struct stat info{};
    if (::fstat(fd, &info) != 0) {
        const error_code ec = last_error();
        ::close(fd);
        return std::unexpected(ec);
    }
    return std::make_unique<PosixFile>(fd, info);
}

error_code replace_file(const std::string &from, const std::string &to) {
    return ::rename(from.c_str(), to.c_str()) == 0 ? error_code() : last_error();
}

std::expected<std::unique_ptr<DatagramSink>, error_code>
DatagramSink::open(const std::string &path) {
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    if (path.size() >= sizeof to.sun_path) {
        return std::unexpected(error_code(ENAMETOOLONG, boost::system::system_category()));
    }
    std::memcpy(to.sun_path, path.data(), path.size());
    struct stat info{};
    if (::stat(path.c_str(), &info) != 0) {
        return std::unexpected(last_error());
    }
    const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return std::unexpected(last_error());
    }
    return std::make_unique<UnixDatagrams>(fd, to);
}

} // namespace k2s::dataplane
