// SPDX-License-Identifier: MIT
#include "overlays.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <functional>
#include <iterator>
#include <linux/openat2.h>
#include <optional>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

namespace k2s::zap {
namespace {

constexpr int k_max_depth = 4096; ///< a path has no more folders

/// A descriptor that closes itself; -1 when opening failed.
class Handle {
  public:
    explicit Handle(long fd = -1) noexcept : fd_{static_cast<int>(fd)} {}
    Handle(Handle &&other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
    Handle &operator=(Handle &&other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Handle() {
        if (fd_ >= 0) {
            close(fd_);
        }
    }
    [[nodiscard]] int get() const noexcept { return fd_; }
    explicit operator bool() const noexcept { return fd_ >= 0; }

  private:
    int fd_;
};

/// Where a folder is: the same device and inode are the same folder, by whatever path.
struct Place {
    uint64_t device = 0;
    uint64_t inode = 0;
    uint64_t mount = 0; ///< the id of mountinfo
    bool operator==(const Place &) const = default;
};

std::optional<Place> place_of(int fd) {
    struct statx info{};
    if (statx(fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT, STATX_INO | STATX_MNT_ID, &info) != 0) {
        return std::nullopt;
    }
    return Place{(uint64_t{info.stx_dev_major} << 32U) | info.stx_dev_minor, info.stx_ino,
                 (info.stx_mask & STATX_MNT_ID) != 0 ? info.stx_mnt_id : 0};
}

/// Opens a path as somebody with that root does: absolute links stay below it.
Handle open_below(int root, const std::string &path) {
    open_how how{};
    how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
    how.resolve = RESOLVE_IN_ROOT;
    for (int attempt = 0;; ++attempt) {
        Handle opened{syscall(SYS_openat2, root, path.c_str(), &how, sizeof(how))};
        if (opened || errno != EAGAIN || attempt == 3) { // somebody renames on the way
            return opened;
        }
    }
}

const Mount *mount_of(const std::vector<Mount> &mounts, uint64_t id) {
    const auto found = std::ranges::find(mounts, id, &Mount::id);
    return found != mounts.end() ? &*found : nullptr;
}

bool is_absolute(const std::string &path) {
    return path.starts_with('/');
}

std::string joined(const std::string &folder, std::string_view name) {
    return folder + (folder.ends_with('/') ? "" : "/") + std::string{name};
}

/// The folder above, "/" at last; empty for "/" itself.
std::string above(const std::string &path) {
    const size_t slash = path.rfind('/');
    return path.size() < 2 || slash == std::string::npos
               ? std::string{}
               : path.substr(0, std::max<size_t>(slash, 1));
}

} // namespace

struct Overlays::View {
    std::string process;
    bool own = false; ///< of our own namespace
    std::vector<Mount> mounts;
};

Overlays::Overlays(const Target &target)
    : folder_{target.path().native()},
      self_{std::make_shared<View>(View{"self", true, mounts("self")})} {
    note(self_);
    const Handle opened{open(folder_.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    const auto place = opened ? place_of(opened.get()) : std::nullopt;
    if (!place) {
        return; // gone: only its name is compared
    }
    device_ = place->device;
    inode_ = place->inode;
    const Mount *const mount = mount_of(self_->mounts, place->mount);
    if (mount != nullptr && is_within(folder_, mount->point)) {
        mounted_ = mount->device;
        const size_t skipped = mount->point == "/" ? 0 : mount->point.size();
        in_file_system_ = (mount->root == "/" ? "" : mount->root) + folder_.substr(skipped);
        if (in_file_system_.empty()) {
            in_file_system_ = "/";
        }
    }
}

void Overlays::add(const std::string &process) {
    note(std::make_shared<View>(View{process, false, mounts(process)}));
}

void Overlays::note(const std::shared_ptr<const View> &view) {
    for (const auto &mount : view->mounts) {
        if (mount.layers.empty()) {
            continue;
        }
        Overlay &overlay = overlays_[mount.device];
        overlay.layers = mount.layers;
        overlay.own = mount.own;
        overlay.points.push_back({view, mount.point});
    }
}

/// True when the open folder is the target or lies in it. Above its mount there are other folders
/// than in its file system, so there the mount's root decides: a layer may be named by a path of a
/// bind mount.
bool Overlays::holds(int layer, const std::vector<Mount> &mounts) const {
    Handle folder{openat(layer, ".", O_PATH | O_DIRECTORY | O_CLOEXEC)};
    std::optional<Place> last;
    for (int depth = 0; folder && depth < k_max_depth; ++depth) {
        const auto place = place_of(folder.get());
        if (!place || place == last) {
            return false; // "/" is its own parent
        }
        if (place->device == device_ && place->inode == inode_) {
            return true;
        }
        if (!last || last->mount != place->mount) {
            const Mount *const mount = mount_of(mounts, place->mount);
            if (mount != nullptr && !in_file_system_.empty() && mount->device == mounted_ &&
                is_within(mount->root, in_file_system_)) {
                return true;
            }
        }
        last = place;
        folder = Handle{openat(folder.get(), "..", O_PATH | O_DIRECTORY | O_CLOEXEC)};
    }
    return false;
}

/// A path as a process sees it.
Overlays::Found Overlays::look(const View &view, const std::string &path) const {
    const Handle root{
        open(("/proc/" + view.process + "/root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    const Handle layer = root ? open_below(root.get(), path) : Handle{};
    if (!layer) {
        return Found::nowhere;
    }
    return holds(layer.get(), view.mounts) ? Found::within : Found::elsewhere;
}

/// Who mounted an overlay is not known, so all who see it are asked, and we: a container sees its
/// own overlay with the names that the host gave to the layers.
Overlays::Found Overlays::look_everywhere(const Overlay &overlay, const std::string &path) const {
    Found best = look(*self_, path);
    for (const auto &[view, point] : overlay.points) {
        if (best == Found::within) {
            break;
        }
        best = std::max(best, look(*view, path));
    }
    return best;
}

/// All the layers, relative to `base`; nowhere unless each is there.
Overlays::Found Overlays::look_from(const View &view, const std::string &base,
                                    const std::vector<std::string> &layers) const {
    Found best = Found::elsewhere;
    for (const auto &layer : layers) {
        const Found found = look(view, joined(base, layer));
        if (found == Found::nowhere) {
            return found;
        }
        best = std::max(best, found);
    }
    return best;
}

/// Relative layers: the mounter stood in the store, which is above the folder for writing and above
/// the mount point.
Overlays::Found Overlays::look_relative(const Overlay &overlay) const {
    std::vector<std::string> relative;
    std::ranges::copy_if(overlay.layers, std::back_inserter(relative), std::not_fn(is_absolute));
    // "." and ".." are everywhere and tell nothing.
    if (std::ranges::all_of(relative, [](const auto &layer) {
            return layer.find_first_not_of("./") == layer.npos;
        })) {
        return Found::nowhere;
    }
    for (const auto &[view, point] : overlay.points) {
        std::vector<std::string> inside = overlay.own;
        inside.push_back(point);
        for (std::string base : inside) {
            while (is_absolute(base) && !(base = above(base)).empty()) {
                for (const View *seen : {view.get(), self_.get()}) {
                    if (const Found found = look_from(*seen, base, relative);
                        found != Found::nowhere) {
                        return found;
                    }
                }
            }
        }
    }
    return Found::nowhere;
}

/// A layer that nobody can find: whether the folder holds something that is called like it, seen
/// from any folder above.
bool Overlays::may_hold(const std::string &lost) const {
    if (!is_absolute(lost) && look(*self_, joined(folder_, lost)) == Found::within) {
        return true;
    }
    for (size_t at = 0; at < lost.size(); at = std::min(lost.find('/', at), lost.size() - 1) + 1) {
        const std::string part = lost.substr(at);
        for (std::string base = above(folder_); !base.empty(); base = above(base)) {
            if (look(*self_, joined(base, part)) == Found::within) {
                return true;
            }
        }
    }
    return false;
}

/// How the overlay uses the folder; empty: not at all.
std::string Overlays::use_of(const Overlay &overlay) const {
    std::vector<std::string> lost;
    bool relative = false;
    for (const auto &layer : overlay.layers) {
        if (!is_absolute(layer)) {
            relative = true;
            continue;
        }
        const Found found =
            is_within(layer, folder_) ? Found::within : look_everywhere(overlay, layer);
        if (found == Found::within) {
            return "is made of it";
        }
        if (found == Found::nowhere) {
            lost.push_back(layer);
        }
    }
    if (relative) {
        const Found found = look_relative(overlay);
        if (found == Found::within) {
            return "is made of it";
        }
        if (found == Found::nowhere) {
            std::ranges::copy_if(overlay.layers, std::back_inserter(lost),
                                 std::not_fn(is_absolute));
        }
    }
    for (const auto &layer : lost) {
        if (may_hold(layer)) {
            return fmt::format(
                "may be made of it: where its layer '{}' lies is not to be found out", layer);
        }
    }
    return {};
}

std::vector<std::string> Overlays::users() const {
    std::vector<std::string> found;
    for (const auto &[device, overlay] : overlays_) {
        // That of our namespace is what a person sees.
        const Point *who = nullptr;
        for (const auto &point : overlay.points) {
            const bool own = point.view->own;
            if (!(own && is_within(point.path, folder_)) &&
                (who == nullptr || (own && !who->view->own))) {
                who = &point;
            }
        }
        const std::string use = who != nullptr ? use_of(overlay) : std::string{};
        if (use.empty()) {
            continue;
        }
        const std::string &process = who->view->process;
        const std::string of = who->view->own
                                   ? std::string{}
                                   : fmt::format(" (of process {}, {})", process, name_of(process));
        found.push_back(fmt::format("the overlay mounted on '{}'{} {}", who->path, of, use));
    }
    return found;
}

} // namespace k2s::zap
