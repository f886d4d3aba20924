// SPDX-License-Identifier: MIT
#include "../activation.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/text.hpp"

namespace k2s::dataplane {
namespace {

constexpr int k_first = 3; // SD_LISTEN_FDS_START
constexpr int k_most = 256;

struct Inherited {
    int fd;
    std::string name;
};

/// Reads the variables once and removes them: they are meant for this process, not for its
/// children.
std::vector<Inherited> take() {
    std::vector<Inherited> out;
    const auto variable = [](const char *name) {
        const char *value = std::getenv(name);
        return std::string(value != nullptr ? value : "");
    };
    const auto pid = parse_decimal<pid_t>(variable("LISTEN_PID"));
    const auto count = parse_decimal<int>(variable("LISTEN_FDS"));
    std::string names = variable("LISTEN_FDNAMES");
    ::unsetenv("LISTEN_PID");
    ::unsetenv("LISTEN_FDS");
    ::unsetenv("LISTEN_FDNAMES");
    if (!pid || *pid != ::getpid() || !count || *count > k_most) {
        return out;
    }
    for (int fd = k_first; fd < k_first + *count; ++fd) {
        const size_t colon = names.find(':');
        const std::string name = names.substr(0, colon);
        names.erase(0, colon == std::string::npos ? colon : colon + 1);
        if (::fcntl(fd, F_SETFD, FD_CLOEXEC) == 0) {
            out.push_back({fd, name});
        }
    }
    return out;
}

const std::vector<Inherited> &inherited() {
    static std::mutex mutex;
    static std::vector<Inherited> sockets;
    static bool taken = false;
    const std::lock_guard lock(mutex);
    if (!taken) {
        sockets = take();
        taken = true;
    }
    return sockets;
}

/// The family of a listening stream socket, or -1.
int listening_family(int fd) {
    int listening = 0;
    int type = 0;
    socklen_t size = sizeof listening;
    if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0 || listening == 0) {
        return -1;
    }
    size = sizeof type;
    if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_STREAM) {
        return -1;
    }
    sockaddr_storage address{};
    size = sizeof address;
    const bool known = ::getsockname(fd, reinterpret_cast<sockaddr *>(&address), &size) == 0;
    return known ? address.ss_family : -1;
}

} // namespace

std::expected<std::vector<Acceptor>, std::string> inherited_listeners(net::io_context &io,
                                                                      const std::string &name) {
    std::vector<Acceptor> out;
    for (const Inherited &each : inherited()) {
        const int family = listening_family(each.fd);
        if (family < 0 || (!name.empty() && each.name != name)) {
            continue;
        }
        // A copy: after a reload the same socket may be asked for again.
        const int copy = ::fcntl(each.fd, F_DUPFD_CLOEXEC, k_first);
        if (copy < 0) {
            return std::unexpected(std::string(std::strerror(errno)));
        }
        error_code ec;
        const int protocol = family == AF_UNIX ? 0 : IPPROTO_TCP;
        out.emplace_back(io).assign(net::generic::stream_protocol(family, protocol), copy, ec);
        if (ec) {
            ::close(copy);
            return std::unexpected(ec.message());
        }
    }
    if (out.empty()) {
        return std::unexpected(std::string(
            "the service manager passed no listening socket of that name; start it by its "
            "socket unit"));
    }
    return out;
}

} // namespace k2s::dataplane
