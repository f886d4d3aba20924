// SPDX-License-Identifier: MIT
#include "../usage.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fmt/format.h>

namespace k2s::zap {
namespace {

constexpr size_t k_max_users = 16;

struct CloseDir {
    void operator()(DIR *dir) const noexcept { closedir(dir); }
};

struct Mount {
    std::string point;
    std::string type;
    std::vector<std::string> layers; ///< the folders that an overlay is made of
};

std::string read_file(const std::string &path) {
    std::string text;
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    char buffer[16 * 1024];
    for (ssize_t size = 0; fd >= 0 && (size = read(fd, buffer, sizeof(buffer))) > 0;) {
        text.append(buffer, static_cast<size_t>(size));
    }
    if (fd >= 0) {
        close(fd);
    }
    return text;
}

/// proc(5): space, tab, line feed and backslash are written as \ooo.
std::string unescape(std::string_view text) {
    std::string result;
    for (size_t i = 0; i < text.size(); ++i) {
        const auto octal = [&](size_t at) { return text[at] >= '0' && text[at] <= '7'; };
        if (text[i] == '\\' && i + 3 < text.size() && octal(i + 1) && octal(i + 2) &&
            octal(i + 3)) {
            result.push_back(static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                               (text[i + 3] - '0')));
            i += 3;
        } else {
            result.push_back(text[i]);
        }
    }
    return result;
}

std::vector<std::string_view> split(std::string_view text, char at) {
    std::vector<std::string_view> parts;
    for (size_t begin = 0; begin <= text.size();) {
        const size_t end = std::min(text.find(at, begin), text.size());
        parts.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return parts;
}

/// A line of mountinfo: id parent major:minor root point options [fields] - type source
/// super-options
std::optional<Mount> parse_mount(std::string_view line) {
    const auto words = split(line, ' ');
    const auto dash = std::find(words.begin(), words.end(), "-");
    if (words.size() < 5 || words.end() - dash < 4) {
        return std::nullopt;
    }
    Mount mount{unescape(words[4]), std::string{dash[1]}, {}};
    if (mount.type == "overlay") {
        for (const auto option : split(dash[3], ',')) {
            const size_t equal = option.find('=');
            const auto key = option.substr(0, equal);
            if (equal == std::string_view::npos ||
                (!key.starts_with("lowerdir") && key != "upperdir" && key != "workdir" &&
                 key != "datadir+")) {
                continue;
            }
            for (const auto folder : split(option.substr(equal + 1), ':')) {
                mount.layers.push_back(unescape(folder));
            }
        }
    }
    return mount;
}

std::vector<Mount> mounts(const std::string &process) {
    std::vector<Mount> found;
    const std::string text = read_file("/proc/" + process + "/mountinfo");
    for (const auto line : split(text, '\n')) {
        if (auto mount = parse_mount(line)) {
            found.push_back(std::move(*mount));
        }
    }
    return found;
}

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
    std::set<std::string> overlays;
    const std::string self = std::to_string(getpid());
    const std::string own_namespace = link_of("/proc/self/ns/mnt");
    for (const auto &process : names_in("/proc")) {
        if (process.find_first_not_of("0123456789") != std::string::npos) {
            continue;
        }
        if (users.size() == k_max_users) {
            break;
        }
        if (process != self) {
            if (const std::string use = use_of(process, folder); !use.empty()) {
                users.push_back(fmt::format("process {} ({}) {}", process, comm_of(process), use));
            }
        }
        const std::string space = link_of("/proc/" + process + "/ns/mnt");
        if (space.empty() || !namespaces.insert(space).second) {
            continue;
        }
        for (const auto &mount : mounts(process)) {
            const bool ours = space == own_namespace && is_within(mount.point, folder);
            const bool uses =
                std::any_of(mount.layers.begin(), mount.layers.end(),
                            [&](const auto &layer) { return is_within(layer, folder); });
            if (uses && !ours && overlays.insert(mount.point).second) {
                users.push_back(fmt::format(
                    "the overlay mounted on '{}'{} is made of it", mount.point,
                    space == own_namespace
                        ? std::string{}
                        : fmt::format(" (of process {}, {})", process, comm_of(process))));
            }
        }
    }
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
