// SPDX-License-Identifier: MIT
#include "../network_place.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

namespace k2s::dataplane {
namespace {

// ip netns keeps names here; /var/run is the same place on all but old systems.
constexpr const char *k_folders[] = {"/run/netns/", "/var/run/netns/"};

std::unexpected<Error> failed(const NetworkPlace &place, int error) {
    std::string message = "the network namespace " + place.text();
    int32_t code = K2S_E_IO;
    switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ESRCH:
        code = K2S_E_NOT_FOUND;
        message += place.kind() == NetworkPlace::Kind::pid
                       ? " does not exist: there is no such process"
                       : " does not exist; look at `ip netns list`";
        break;
    case EPERM:
    case EACCES:
        code = K2S_E_PERMISSION;
        message += " may not be entered; run as root or with CAP_SYS_ADMIN";
        break;
    case EINVAL:
        message += ": the file is no network namespace";
        break;
    default:
        message += ": ";
        message += std::strerror(error);
    }
    return std::unexpected(Error{code, std::move(message)});
}

/// Calls `use(path)`, which returns 0 or an errno, for each path that may be meant.
template <typename Use> int at_path(const NetworkPlace &place, Use use) {
    switch (place.kind()) {
    case NetworkPlace::Kind::netns_path:
        return use(place.name());
    case NetworkPlace::Kind::pid:
        return use("/proc/" + std::to_string(place.number()) + "/ns/net");
    default:
        int error = ENOENT;
        for (const char *folder : k_folders) {
            error = use(folder + place.name());
            if (error != ENOENT) {
                break;
            }
        }
        return error;
    }
}

PlaceIdentity identity_of(const struct stat &info) noexcept {
    return {static_cast<uint64_t>(info.st_dev), static_cast<uint64_t>(info.st_ino)};
}

} // namespace

std::expected<PlaceIdentity, Error> identify(const NetworkPlace &place) {
    if (place.here()) {
        return PlaceIdentity();
    }
    struct stat info{};
    const int error = at_path(place, [&](const std::string &path) {
        return ::stat(path.c_str(), &info) == 0 ? 0 : errno;
    });
    if (error != 0) {
        return failed(place, error);
    }
    return identity_of(info);
}

std::expected<PlaceIdentity, Error> enter(const NetworkPlace &place) {
    if (place.here()) {
        return PlaceIdentity();
    }
    int fd = -1;
    int error = at_path(place, [&](const std::string &path) {
        fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        return fd >= 0 ? 0 : errno;
    });
    if (error != 0) {
        return failed(place, error);
    }
    struct stat info{};
    error = ::fstat(fd, &info) == 0 && ::setns(fd, CLONE_NEWNET) == 0 ? 0 : errno;
    ::close(fd);
    if (error != 0) {
        return failed(place, error);
    }
    return identity_of(info);
}

} // namespace k2s::dataplane
