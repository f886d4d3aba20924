// SPDX-License-Identifier: MIT
#include "../unix_address.hpp"

#include <cerrno>
#include <cstddef>
#include <cstring>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace k2s::dataplane {
namespace {

error_code last_error() {
    return {errno, boost::system::system_category()};
}

/// The file of a bound socket, removed at the end unless it is another one by then.
class SocketFile {
  public:
    explicit SocketFile(const std::string &path) : path_(path) {
        known_ = ::lstat(path_.c_str(), &info_) == 0;
    }
    ~SocketFile() {
        struct stat now{};
        if (known_ && ::lstat(path_.c_str(), &now) == 0 && now.st_ino == info_.st_ino &&
            now.st_dev == info_.st_dev) {
            ::unlink(path_.c_str());
        }
    }
    SocketFile(const SocketFile &) = delete;
    SocketFile &operator=(const SocketFile &) = delete;

  private:
    std::string path_;
    struct stat info_{};
    bool known_ = false;
};

// Success when nothing stands in the way any more.
error_code clear_stale(const UnixAddress &address) {
    struct stat info{};
    if (::lstat(address.path.c_str(), &info) != 0) {
        return {}; // not there, or bind tells why not
    }
    if (!S_ISSOCK(info.st_mode)) {
        return make_error_code(boost::system::errc::file_exists);
    }
    const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0) {
        return last_error();
    }
    const SocketAddress to = address.endpoint();
    const int result = ::connect(probe, to.data(), static_cast<socklen_t>(to.size()));
    const int error = result == 0 ? 0 : errno;
    ::close(probe);
    if (error != ECONNREFUSED) {
        return net::error::address_in_use; // answered, or its backlog is full
    }
    return ::unlink(address.path.c_str()) == 0 || errno == ENOENT ? error_code() : last_error();
}

} // namespace

SocketAddress UnixAddress::endpoint() const {
    sockaddr_un raw{};
    raw.sun_family = AF_UNIX;
    std::memcpy(raw.sun_path, path.data(), path.size());
    size_t size = offsetof(sockaddr_un, sun_path) + path.size();
    if (abstract()) {
        raw.sun_path[0] = '\0'; // its length counts, without a terminator
    } else {
        ++size;
    }
    return SocketAddress(&raw, size);
}

std::expected<std::shared_ptr<void>, error_code> bind_unix(Acceptor &acceptor,
                                                           const UnixAddress &address) {
    error_code ec;
    const SocketAddress endpoint = address.endpoint();
    if (address.abstract()) {
        acceptor.bind(endpoint, ec);
        if (ec) {
            return std::unexpected(ec);
        }
        return nullptr;
    }
    // Before bind, so that there is no moment in which others may connect.
    if (::fchmod(acceptor.native_handle(), address.mode) != 0) {
        return std::unexpected(last_error());
    }
    acceptor.bind(endpoint, ec);
    if (ec == net::error::address_in_use) {
        ec = clear_stale(address);
        if (!ec) {
            acceptor.bind(endpoint, ec);
        }
    }
    if (ec) {
        return std::unexpected(ec);
    }
    // The umask may have taken bits away that were asked for.
    ::chmod(address.path.c_str(), address.mode);
    return std::make_shared<SocketFile>(address.path);
}

} // namespace k2s::dataplane
