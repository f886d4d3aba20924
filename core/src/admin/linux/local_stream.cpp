// SPDX-License-Identifier: MIT
#include "admin/local_stream.hpp"

#include <cerrno>
#include <charconv>
#include <cstring>

#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "process/linux/descriptor.hpp"
#include "util/path.hpp"

namespace k2s::core::admin {

namespace {

constexpr int k_backlog = 16;

std::unexpected<Error> endpoint_error(const fs::path &endpoint) {
    const int reason = errno;
    const int code =
        reason == EACCES || reason == EPERM || reason == EROFS ? K2S_E_PERMISSION : K2S_E_FAILED;
    return fail(code, "cannot open the admin endpoint '{}': {}", path_text(endpoint),
                std::strerror(reason));
}

// The lock decides who has the endpoint, not the socket: a socket file outlives its host, and to
// try it and then replace it would be a race between two hosts that start together.
Result<Descriptor> lock_endpoint(const fs::path &endpoint) {
    const auto name = endpoint.native() + ".lock";
    Descriptor lock(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!lock.valid()) {
        return endpoint_error(endpoint);
    }
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        char pid[32] = {};
        const auto size = ::pread(lock.get(), pid, sizeof pid - 1, 0);
        return fail(
            K2S_E_EXISTS,
            "another host (pid {}) already has the endpoint '{}': stop it, or give this one "
            "another instance name",
            size > 0 ? pid : "unknown", path_text(endpoint));
    }
    const auto pid = std::to_string(::getpid());
    if (::ftruncate(lock.get(), 0) != 0 || ::pwrite(lock.get(), pid.data(), pid.size(), 0) < 0) {
        return endpoint_error(endpoint);
    }
    return lock;
}

Result<Descriptor> listen_at(const fs::path &endpoint) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (endpoint.native().size() >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return endpoint_error(endpoint);
    }
    std::memcpy(address.sun_path, endpoint.c_str(), endpoint.native().size());
    struct stat old{};
    if (::lstat(endpoint.c_str(), &old) == 0) {
        if (!S_ISSOCK(old.st_mode)) {
            return fail(K2S_E_EXISTS,
                        "cannot open the admin endpoint: '{}' exists and is not a socket; move it",
                        path_text(endpoint));
        }
        ::unlink(endpoint.c_str()); // of a host that died
    }
    Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    // The mode of the unbound socket is that of the file that bind makes, so there is no moment in
    // which others could connect.
    if (!socket.valid() || ::fchmod(socket.get(), 0600) != 0 ||
        ::bind(socket.get(), reinterpret_cast<sockaddr *>(&address), sizeof address) != 0 ||
        ::listen(socket.get(), k_backlog) != 0) {
        return endpoint_error(endpoint);
    }
    return socket;
}

} // namespace

struct LocalListener::State {
    asio::io_context &context;
    fs::path endpoint;
    Descriptor lock;
    asio::local::stream_protocol::acceptor acceptor;

    ~State() { ::unlink(endpoint.c_str()); } // the lock goes after it, so the name is still ours
};

Result<LocalListener> LocalListener::open(asio::io_context &context, const fs::path &endpoint) {
    auto lock = lock_endpoint(endpoint);
    if (!lock) {
        return pass(lock);
    }
    auto socket = listen_at(endpoint);
    if (!socket) {
        return pass(socket);
    }
    asio::local::stream_protocol::acceptor acceptor(context);
    boost::system::error_code failed;
    const int fd = socket->release();
    acceptor.assign(asio::local::stream_protocol(), fd, failed);
    if (failed) {
        ::close(fd);
        return fail(K2S_E_FAILED, "cannot open the admin endpoint '{}': {}", path_text(endpoint),
                    failed.message());
    }
    return LocalListener(std::unique_ptr<State>(
        new State{context, endpoint, std::move(*lock), std::move(acceptor)}));
}

LocalListener::LocalListener(std::unique_ptr<State> state) : state_(std::move(state)) {}
LocalListener::LocalListener(LocalListener &&) noexcept = default;
LocalListener::~LocalListener() = default;

asio::awaitable<LocalStream> LocalListener::accept() {
    auto own = asio::make_strand(state_->context);
    auto socket = co_await state_->acceptor.async_accept(own, asio::use_awaitable);
    co_return LocalStream(std::move(socket));
}

bool peer_is_trusted(LocalStream &stream) {
    ucred peer{};
    socklen_t size = sizeof peer;
    return ::getsockopt(stream.native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
           (peer.uid == 0 || peer.uid == ::geteuid());
}

Result<LocalStream> connect_local(asio::io_context &context, const fs::path &endpoint,
                                  std::chrono::milliseconds) {
    LocalStream stream(context);
    boost::system::error_code failed;
    // Does not wait: a Unix socket connects at once, or its backlog is full (EAGAIN).
    stream.open(asio::local::stream_protocol(), failed);
    stream.native_non_blocking(true, failed);
    stream.connect(asio::local::stream_protocol::endpoint(endpoint.native()), failed);
    if (!failed) {
        return stream;
    }
    if (failed == asio::error::access_denied) {
        return fail(K2S_E_PERMISSION,
                    "the host at '{}' runs as another user; only that user and root can talk to it",
                    path_text(endpoint));
    }
    if (failed == asio::error::would_block || failed == asio::error::try_again) {
        return fail(K2S_E_BUSY, "the host at '{}' has too many clients; try again",
                    path_text(endpoint));
    }
    return fail(K2S_E_NOT_FOUND, "no K2s host is running at '{}' ({}): start one with 'k2s run'",
                path_text(endpoint), failed.message());
}

} // namespace k2s::core::admin
