// SPDX-License-Identifier: MIT
#pragma once

#include <expected>
#include <vector>

#include <k2s/sdk/error.hpp>

#include "dir.hpp"
#include "zap.hpp"

namespace k2s::zap {

/// What is to be removed: `name` in the resolved folder `parent`.
struct Target {
    fs::path parent;
    fs::path name;

    [[nodiscard]] fs::path path() const { return parent / name; }
};

/// Resolves the folder and refuses what must not be removed. Three lines of defence:
/// the system's own folders and all above them, never; what lies below them, links and mount points
/// only with force (links never); anything outside of the roots only with force.
std::expected<Target, Error> guard(const Options &options);

/// True when `path` is `folder` or lies below it; both absolute and without "..".
bool is_within(const fs::path &path, const fs::path &folder);

// --- per system ----------------------------------------------------------------------------------

enum class FileKind : uint8_t { missing, directory, mount_point, link, other, unreadable };

FileKind kind_of(const fs::path &path, std::string &why);
/// Absolute, without "." and "..", links and short names resolved; empty: `why` has the reason.
fs::path resolve(const fs::path &path, std::string &why);
/// Removing one of these, or anything above one, breaks the system.
std::vector<fs::path> essential_folders();
/// Below these lies what belongs to the system.
std::vector<fs::path> system_folders();
/// Where container engines keep layers when they are not told otherwise.
std::vector<fs::path> layer_stores();
bool same_name(const fs::path &one, const fs::path &other);

} // namespace k2s::zap
