// SPDX-License-Identifier: MIT
#include "../guard.hpp"

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../paths.hpp"

namespace k2s::zap {

fs::path path_of(std::string_view text) {
    return fs::path{std::string{text}};
}

FileKind kind_of(const fs::path &path, std::string &why) {
    struct statx info{};
    if (statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE, &info) !=
        0) {
        why = std::strerror(errno);
        return errno == ENOENT || errno == ENOTDIR ? FileKind::missing : FileKind::unreadable;
    }
    if (S_ISLNK(info.stx_mode)) {
        return FileKind::link;
    }
    if (!S_ISDIR(info.stx_mode)) {
        return FileKind::other;
    }
    return (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0 ? FileKind::mount_point
                                                              : FileKind::directory;
}

fs::path resolve(const fs::path &path, std::string &why) {
    char buffer[PATH_MAX];
    if (realpath(path.c_str(), buffer) == nullptr) {
        why = std::strerror(errno);
        return {};
    }
    return fs::path{buffer};
}

std::vector<fs::path> essential_folders() {
    std::vector<fs::path> folders{
        "/bin",          "/boot",        "/dev",      "/etc",       "/home", "/lib",
        "/lib64",        "/mnt",         "/opt",      "/proc",      "/root", "/run",
        "/sbin",         "/srv",         "/sys",      "/tmp",       "/usr",  "/usr/bin",
        "/usr/lib",      "/usr/local",   "/usr/sbin", "/usr/share", "/var",  "/var/lib",
        "/var/lib/dpkg", "/var/lib/rpm", "/var/log",  "/var/run"};
    std::string ignored;
    // What we stand on, and what we are.
    for (const char *own : {".", "/proc/self/exe"}) {
        if (const fs::path path = resolve(own, ignored); !path.empty()) {
            folders.push_back(path);
        }
    }
    const char *const home = std::getenv("HOME");
    if (const fs::path path = home != nullptr ? resolve(home, ignored) : fs::path{};
        !path.empty()) {
        folders.push_back(path);
    }
    return folders;
}

std::vector<fs::path> system_folders() {
    return {"/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/sbin", "/sys", "/usr"};
}

std::vector<fs::path> layer_stores() {
    return {"/var/lib/containerd",   "/var/lib/containers", "/var/lib/docker", "/var/lib/rancher",
            "/var/lib/kubelet/pods", "/run/containerd",     "/run/containers"};
}

bool same_name(const fs::path &one, const fs::path &other) {
    return one.native() == other.native();
}

} // namespace k2s::zap
