// SPDX-License-Identifier: MIT
#include "../usage.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <functional>
#include <linux/openat2.h>
#include <map>
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
constexpr int k_attempts = 16; ///< to unmount more than others mount

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

/// The mounts of the folder, each before what it is mounted on. In mountinfo the order is that of
/// mounting, or any other once somebody moved a mount.
std::vector<Mount> mounts_within(const Target &target) {
    const std::string folder = target.path().native();
    std::vector<Mount> found = mounts("self");
    std::erase_if(found, [&](const Mount &mount) { return !is_within(mount.point, folder); });
    std::ranges::reverse(found);
    std::map<uint64_t, uint64_t> parents;
    for (const auto &mount : found) {
        parents[mount.id] = mount.parent;
    }
    const auto depth = [&](const Mount &mount) {
        size_t levels = 0;
        for (auto at = parents.find(mount.parent); at != parents.end() && levels < parents.size();
             at = parents.find(at->second)) {
            ++levels;
        }
        return levels;
    };
    std::ranges::stable_sort(found, std::ranges::greater{}, depth);
    return found;
}

/// 0, or why not. Through a handle on its folder that was reached without a link, so that nobody
/// makes us unmount something else by replacing a folder on the way.
int unmount_point(const fs::path &path) {
    open_how how{};
    how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
    how.resolve = RESOLVE_NO_SYMLINKS;
    const int above = static_cast<int>(
        syscall(SYS_openat2, AT_FDCWD, path.parent_path().c_str(), &how, sizeof(how)));
    if (above < 0) {
        return errno;
    }
    const auto last = fmt::format("/proc/self/fd/{}/{}", above, path.filename().native());
    const int failed = umount2(last.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0 ? 0 : errno;
    close(above);
    return failed;
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
    for (const auto &process : names_in("/proc")) {
        if (process.find_first_not_of("0123456789") != std::string::npos) {
            continue;
        }
        if (process != self && users.size() < k_max_users) {
            if (const std::string use = use_of(process, folder); !use.empty()) {
                users.push_back(fmt::format("process {} ({}) {}", process, name_of(process), use));
            }
        }
        const std::string space = link_of("/proc/" + process + "/ns/mnt");
        if (space.empty() || !namespaces.insert(space).second) {
            continue;
        }
        overlays.add(process);
    }
    const auto made_of_it = overlays.users();
    users.insert(users.end(), made_of_it.begin(), made_of_it.end());
    users.resize(std::min(users.size(), k_max_users));
    return users;
}

std::vector<std::string> mounts_of(const Target &target) {
    std::vector<std::string> points;
    for (const auto &mount : mounts_within(target)) {
        points.push_back(mount.point);
    }
    return points;
}

std::expected<std::vector<std::string>, Error> unmount(const Target &target) {
    std::vector<std::string> done;
    std::vector<Mount> there = mounts_within(target);
    for (int attempt = 0; !there.empty();) {
        int why = 0;
        std::string stays;
        for (const auto &mount : there) {
            if (const int failed = unmount_point(mount.point); failed != 0 && why == 0) {
                why = failed;
                stays = mount.point;
            }
        }
        // What failed may be gone all the same: one takes others along, what is mounted on it and
        // its copies in shared mounts. What another one covered shows only now.
        std::vector<Mount> left = mounts_within(target);
        for (const auto &mount : there) {
            if (std::ranges::find(left, mount.id, &Mount::id) == left.end()) {
                done.push_back(mount.point);
            }
        }
        const bool fewer = left.size() < there.size();
        there = std::move(left);
        attempt = fewer ? 0 : attempt + 1;
        if (fewer || there.empty() || (why == 0 && attempt < k_attempts)) {
            continue; // or somebody mounts there as well
        }
        return std::unexpected(Error{
            why == EPERM ? K2S_E_PERMISSION : K2S_E_BUSY,
            fmt::format("cannot unmount '{}': {}; {}{}", why != 0 ? stays : there.front().point,
                        why != 0 ? std::strerror(why) : "it is mounted again and again",
                        done.empty() ? std::string{"nothing was removed"}
                                     : fmt::format("no file was removed, but '{}' was unmounted",
                                                   fmt::join(done, "', '")),
                        why == EPERM ? ", run it as root" : "")});
    }
    return done;
}

} // namespace k2s::zap
