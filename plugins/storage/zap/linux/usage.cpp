// SPDX-License-Identifier: MIT
#include "../usage.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <memory>
#include <set>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fmt/format.h>

#include "mountinfo.hpp"
#include "overlays.hpp"

namespace k2s::zap {
namespace {

constexpr size_t k_max_users = 16;

struct CloseDir {
    void operator()(DIR *dir) const noexcept { closedir(dir); }
};

std::string link_of(const std::string &path) {
    char buffer[4096];
    const ssize_t size = readlink(path.c_str(), buffer, sizeof(buffer));
    return size > 0 ? std::string(buffer, static_cast<size_t>(size)) : std::string{};
}

std::vector<std::string> names_in(const std::string &folder) {
    std::vector<std::string> names;
    const std::unique_ptr<DIR, CloseDir> dir{opendir(folder.c_str())};
    while (const dirent *entry = dir ? readdir(dir.get()) : nullptr) {
        if (entry->d_name[0] != '.') {
            names.emplace_back(entry->d_name);
        }
    }
    return names;
}

std::string comm_of(const std::string &process) {
    std::string name = read_file("/proc/" + process + "/comm");
    name.resize(std::min(name.find('\n'), name.size()));
    return name;
}

/// What of the folder a process uses; empty: nothing.
std::string use_of(const std::string &process, const fs::path &folder) {
    for (const auto &[link, what] :
         {std::pair{"cwd", "works in"}, std::pair{"root", "has as its root"},
          std::pair{"exe", "runs"}}) {
        const std::string target = link_of("/proc/" + process + "/" + link);
        if (!target.empty() && is_within(target, folder)) {
            return fmt::format("{} '{}'", what, target);
        }
    }
    const std::string descriptors = "/proc/" + process + "/fd";
    for (const auto &name : names_in(descriptors)) {
        const std::string target = link_of(descriptors + "/" + name);
        if (target.starts_with('/') && is_within(target, folder)) {
            return fmt::format("has '{}' open", target);
        }
    }
    // Mapped without being open: a running program's libraries.
    const std::string maps = "/proc/" + process + "/map_files";
    for (const auto &name : names_in(maps)) {
        const std::string target = link_of(maps + "/" + name);
        if (target.starts_with('/') && is_within(target, folder)) {
            return fmt::format("has '{}' mapped", target);
        }
    }
    return {};
}

} // namespace

std::vector<std::string> users_of(const Target &target) {
    const fs::path folder = target.path();
    std::vector<std::string> users;
    std::set<std::string> namespaces;
    Overlays overlays{target};
    const std::string self = std::to_string(getpid());
    const std::string own_namespace = link_of("/proc/self/ns/mnt");
    namespaces.insert(own_namespace);
    overlays.add("self", true, mounts("self"));
    for (const auto &process : names_in("/proc")) {
        if (process.find_first_not_of("0123456789") != std::string::npos) {
            continue;
        }
        if (process != self && users.size() < k_max_users) {
            if (const std::string use = use_of(process, folder); !use.empty()) {
                users.push_back(fmt::format("process {} ({}) {}", process, comm_of(process), use));
            }
        }
        const std::string space = link_of("/proc/" + process + "/ns/mnt");
        if (space.empty() || !namespaces.insert(space).second) {
            continue;
        }
        overlays.add(process, false, mounts(process));
    }
    const auto made_of_it = overlays.users();
    users.insert(users.end(), made_of_it.begin(), made_of_it.end());
    users.resize(std::min(users.size(), k_max_users));
    return users;
}

std::vector<std::string> mounts_of(const Target &target) {
    const fs::path folder = target.path();
    std::vector<std::string> points;
    for (const auto &mount : mounts("self")) {
        if (is_within(mount.point, folder)) {
            points.push_back(mount.point);
        }
    }
    std::reverse(points.begin(), points.end()); // mountinfo has each mount before what is on it
    return points;
}

std::expected<std::vector<std::string>, Error> unmount(const Target &target) {
    std::vector<std::string> done;
    for (const auto &point : mounts_of(target)) {
        // Through a handle on its folder that was reached without a link, so that nobody makes us
        // unmount something else by replacing a folder on the way.
        const fs::path path{point};
        open_how how{};
        how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
        how.resolve = RESOLVE_NO_SYMLINKS;
        const int above = static_cast<int>(
            syscall(SYS_openat2, AT_FDCWD, path.parent_path().c_str(), &how, sizeof(how)));
        const auto last = fmt::format("/proc/self/fd/{}/{}", above, path.filename().native());
        const bool gone = above >= 0 && umount2(last.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0;
        const int why = errno;
        if (above >= 0) {
            close(above);
        }
        if (!gone) {
            return std::unexpected(
                Error{why == EPERM ? K2S_E_PERMISSION : K2S_E_BUSY,
                      fmt::format("cannot unmount '{}': {}; nothing was removed{}", point,
                                  std::strerror(why), why == EPERM ? ", run it as root" : "")});
        }
        done.push_back(point);
    }
    return done;
}

} // namespace k2s::zap
