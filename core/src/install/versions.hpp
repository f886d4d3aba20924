// SPDX-License-Identifier: MIT
/// \file
/// Installed plugins with their versions side by side:
///
///     plugins/ID/current        the version that counts, one line
///     plugins/ID/1.2.0/…        its files; older ones beside it, to go back to
///
/// `current` is replaced in one step and is all that decides, so a process that is killed anywhere
/// leaves the old state or the new one; what it leaves behind is removed by the next change.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "install/package.hpp"
#include "trust/records_file.hpp"

namespace k2s::core::install {

/// The folder of the version that counts; nothing when `plugin` is no folder of that kind.
std::optional<fs::path> current_folder(const fs::path &plugin);

/// Changes below one folder of plugins, one process at a time.
class Versions {
  public:
    /// Waits for other operators. K2S_E_PERMISSION, K2S_E_BUSY.
    static Result<Versions> open(const fs::path &plugins);

    /// The version that counts.
    std::optional<std::string> current(const std::string &id) const;

    /// Whether files of versions are there, or an empty folder: used or left by a process that was
    /// killed.
    bool has_files(const std::string &id) const;

    enum class Where : uint8_t {
        version, ///< where version `manifest.version` lies
        aside,   ///< to look at and to remove, no more
    };

    /// Writes the files, flushed; not used yet. Nothing remains on an error. K2S_E_EXISTS when it
    /// is the version that counts or the plugin was put there by hand.
    Result<fs::path> unpack(const Package &package, Where where = Where::version);

    /// From now on this version counts; nothing: the plugin is gone.
    Result<void> use(const std::string &id, const std::optional<std::string> &version);

    /// Removes what was unpacked and is not used.
    void remove(const fs::path &folder);

    /// Removes every version of the plugin but `keep`; the folders that could not be removed (their
    /// libraries are still mapped on Windows).
    std::vector<std::string> remove_others(const std::string &id,
                                           const std::vector<std::string> &keep);

  private:
    Versions(fs::path plugins, trust::RecordsLock lock)
        : plugins_(std::move(plugins)), lock_(std::move(lock)) {}

    fs::path plugins_;
    trust::RecordsLock lock_;
};

} // namespace k2s::core::install
