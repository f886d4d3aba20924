// SPDX-License-Identifier: MIT
#include "guard.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "paths.hpp"

namespace k2s::zap {
namespace {

std::unexpected<Error> refuse(int32_t code, std::string message) {
    return std::unexpected(Error{code, std::move(message)});
}

/// A component that only layer stores have: containerd's snapshotters, Docker's graph drivers. So
/// stores that were configured to lie elsewhere are known, too.
bool has_store_component(const fs::path &path) {
    return std::any_of(path.begin(), path.end(), [](const fs::path &part) {
        const std::string name = text_of(part);
        return name.starts_with("io.containerd.snapshotter.v1.") || name == "windowsfilter" ||
               name == "overlay2";
    });
}

} // namespace

bool is_within(const fs::path &path, const fs::path &folder) {
    auto part = path.begin();
    for (const fs::path &expected : folder) {
        if (expected.empty()) {
            continue; // a trailing separator
        }
        if (part == path.end() || !same_name(*part, expected)) {
            return false;
        }
        ++part;
    }
    return true;
}

std::expected<Target, Error> guard(const Options &options) {
    if (options.folder.empty() || options.folder.find('\0') != std::string::npos) {
        return refuse(K2S_E_USAGE, "no folder is named: zap -folder PATH");
    }
    std::string why;
    fs::path folder = path_of(options.folder);
    // "a/b/" and "a/b/." are b, "b/.." is not: resolved first, the last component is never a link.
    while (folder.has_parent_path() && (folder.filename() == "." || folder.filename().empty())) {
        folder = folder.parent_path();
    }
    const fs::path name = folder.filename();
    const bool named = !name.empty() && name != ".." && name != "." &&
                       name != folder.root_directory() && folder != folder.root_path();
    fs::path path;
    if (named) {
        const fs::path above = folder.has_parent_path() ? folder.parent_path() : fs::path{"."};
        const fs::path parent = resolve(above, why);
        if (parent.empty()) {
            return refuse(K2S_E_NOT_FOUND, fmt::format("cannot resolve '{}': {}; check the path",
                                                       text_of(above), why));
        }
        path = parent / name;
    } else {
        path = resolve(folder, why);
        if (path.empty()) {
            return refuse(K2S_E_NOT_FOUND, fmt::format("cannot resolve '{}': {}; check the path",
                                                       options.folder, why));
        }
    }

    const std::string shown = text_of(path);
    const FileKind kind = kind_of(path, why);
    for (const fs::path &essential : essential_folders()) {
        if (is_within(essential, path)) {
            return refuse(
                K2S_E_PERMISSION,
                fmt::format("'{}' is not removed: the system needs {}{}; name a folder of "
                            "the layer store",
                            shown, same_name(essential, path) ? "it" : "",
                            same_name(essential, path) ? std::string{} : text_of(essential)));
        }
    }
    if (kind == FileKind::missing) {
        return refuse(K2S_E_NOT_FOUND, fmt::format("'{}' does not exist", shown));
    }
    if (kind == FileKind::unreadable) {
        return refuse(K2S_E_PERMISSION, fmt::format("cannot look at '{}': {}", shown, why));
    }
    if (kind == FileKind::link) {
        return refuse(
            K2S_E_PERMISSION,
            fmt::format("'{}' is a link and not followed: name the folder itself, or remove "
                        "the link by other means",
                        shown));
    }
    if (kind == FileKind::other) {
        return refuse(K2S_E_USAGE, fmt::format("'{}' is no folder", shown));
    }
    if (!options.force) {
        if (kind == FileKind::mount_point) {
            return refuse(
                K2S_E_PERMISSION,
                fmt::format("'{}' is a mount point: unmount it, or use -force to have that "
                            "done",
                            shown));
        }
        for (const fs::path &system : system_folders()) {
            if (is_within(path, system)) {
                return refuse(
                    K2S_E_PERMISSION,
                    fmt::format("'{}' lies in '{}', which belongs to the system: use -force "
                                "if it is meant",
                                shown, text_of(system)));
            }
        }
        bool allowed = false;
        for (const std::string &root : options.roots) {
            const fs::path resolved = resolve(path_of(root), why);
            if (resolved.empty()) {
                return refuse(K2S_E_NOT_FOUND,
                              fmt::format("cannot resolve the root '{}': {}", root, why));
            }
            allowed = allowed || is_within(path, resolved);
        }
        if (!allowed && !options.roots.empty()) {
            return refuse(K2S_E_PERMISSION,
                          fmt::format("'{}' lies outside of -root {}: correct one of them, or use "
                                      "-force",
                                      shown, fmt::join(options.roots, ", ")));
        }
        if (options.roots.empty()) {
            const auto stores = layer_stores();
            allowed = has_store_component(path) ||
                      std::any_of(stores.begin(), stores.end(),
                                  [&](const fs::path &store) { return is_within(path, store); });
            if (!allowed) {
                return refuse(K2S_E_PERMISSION,
                              fmt::format("'{}' lies in no known layer store: name the store with "
                                          "-root DIR, or use -force",
                                          shown));
            }
        }
    }
    if (path == path.root_path()) {
        return refuse(K2S_E_PERMISSION, fmt::format("'{}' is the root of a file system", shown));
    }
    return Target{path.parent_path(), path.filename()};
}

} // namespace k2s::zap
