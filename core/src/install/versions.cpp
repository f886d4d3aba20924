// SPDX-License-Identifier: MIT
#include "install/versions.hpp"

#include <algorithm>
#include <chrono>

#include <boost/filesystem/operations.hpp>

#include "manifest/version.hpp"
#include "util/path.hpp"
#include "util/read_file.hpp"
#include "util/write_file.hpp"

namespace k2s::core::install {
namespace {

constexpr const char *k_current = "current";
constexpr std::string_view k_partial = ".partial-"; // a version that comes or goes
constexpr std::size_t k_version_max = 128;
constexpr std::chrono::seconds k_patience{60};

/// Its text is a version, so it is also a safe name of a folder.
std::optional<std::string> read_version(const fs::path &plugin) {
    auto text = read_file_if_exists(plugin / k_current, k_version_max);
    if (!text || !*text) {
        return std::nullopt;
    }
    auto version = std::move(**text);
    if (version.ends_with('\n')) {
        version.pop_back();
    }
    return parse_version(version) ? std::optional(version) : std::nullopt;
}

std::unexpected<Error> cannot(const char *what, const fs::path &path,
                              const boost::system::error_code &why) {
    const bool denied = why == boost::system::errc::permission_denied ||
                        why == boost::system::errc::read_only_file_system;
    return fail(denied ? K2S_E_PERMISSION : K2S_E_IO, "cannot {} '{}': {}", what, path_text(path),
                why.message());
}

fs::path partial_in(const fs::path &plugin) {
    return plugin / fs::unique_path(std::string(k_partial) + "%%%%%%%%");
}

/// Renames a version to what counts as none, if it is there: it goes as a whole or not at all.
Result<fs::path> set_aside(const fs::path &version) {
    auto aside = partial_in(version.parent_path());
    boost::system::error_code failed;
    fs::rename(version, aside, failed);
    const bool gone = !failed || failed == boost::system::errc::no_such_file_or_directory;
    return gone ? Result<fs::path>(std::move(aside)) : cannot("rename the old", version, failed);
}

/// False when something could not be removed: on Windows a library that is still mapped.
bool remove_entry(const fs::path &entry) {
    const bool partial = path_to_utf8(entry.filename()).starts_with(k_partial);
    const auto aside = partial ? Result<fs::path>(entry) : set_aside(entry);
    boost::system::error_code failed;
    if (aside) {
        fs::remove_all(*aside, failed);
    }
    return aside && !failed;
}

} // namespace

std::optional<fs::path> current_folder(const fs::path &plugin) {
    const auto version = read_version(plugin);
    return version ? std::optional(plugin / path_from_utf8(*version)) : std::nullopt;
}

Result<Versions> Versions::open(const fs::path &plugins) {
    auto lock = trust::RecordsLock::take(plugins / ".install", k_patience);
    return lock ? Result<Versions>(Versions(plugins, std::move(*lock))) : pass(lock);
}

std::optional<std::string> Versions::current(const std::string &id) const {
    return read_version(plugins_ / path_from_utf8(id));
}

bool Versions::has_files(const std::string &id) const {
    boost::system::error_code failed;
    fs::directory_iterator entry(plugins_ / path_from_utf8(id), failed), end;
    if (!failed && entry == end) {
        return true; // the last that a kill left
    }
    for (; !failed && entry != end; entry.increment(failed)) {
        const auto name = path_to_utf8(entry->path().filename());
        if (name == k_current || name.starts_with(k_partial) || parse_version(name)) {
            return true;
        }
    }
    return false;
}

Result<fs::path> Versions::unpack(const Package &package, Where where) {
    const auto plugin = plugins_ / path_from_utf8(package.manifest.id);
    const auto &version = package.manifest.version;
    if (fs::exists(plugin / k_manifest_name)) {
        return fail(K2S_E_EXISTS,
                    "'{}' was not installed from an archive: remove that folder first, or put the "
                    "new files there by hand",
                    path_text(plugin));
    }
    if (current(package.manifest.id) == version) {
        return fail(K2S_E_EXISTS, "plugin '{}' {} is installed already", package.manifest.id,
                    version);
    }
    const auto target = plugin / path_from_utf8(version);
    boost::system::error_code failed;
    if (where == Where::version) {
        const auto old = set_aside(target); // of a process that was killed, or an older time
        if (!old) {
            return std::unexpected(old.error());
        }
        fs::remove_all(*old, failed); // or else with what is left over at the end
    }
    const bool had_folder = fs::exists(plugin);
    const auto partial = partial_in(plugin);
    fs::create_directories(partial, failed);
    if (failed) {
        return cannot("make the folder", partial, failed);
    }
    Result<void> done;
    for (const auto &[name, content] : package.files) {
        done = done ? write_file(partial / path_from_utf8(name), content) : std::move(done);
    }
    if (done && where == Where::version) {
        fs::rename(partial, target, failed);
        done = failed ? Result<void>(cannot("rename", partial, failed)) : Result<void>();
    }
    if (!done) {
        fs::remove_all(had_folder ? partial : plugin, failed);
        return pass(done);
    }
    return where == Where::aside ? partial : target;
}

Result<void> Versions::use(const std::string &id, const std::optional<std::string> &version) {
    const auto file = plugins_ / path_from_utf8(id) / k_current;
    if (version) {
        return write_file(file, *version + "\n");
    }
    boost::system::error_code failed;
    fs::remove(file, failed);
    return failed ? Result<void>(cannot("remove", file, failed)) : Result<void>();
}

void Versions::remove(const fs::path &folder) {
    // What stays is in nobody's way, and the next change removes it.
    static_cast<void>(remove_entry(folder));
    boost::system::error_code ignored;
    fs::remove(folder.parent_path(), ignored); // if it is empty
}

std::vector<std::string> Versions::remove_others(const std::string &id,
                                                 const std::vector<std::string> &keep) {
    const auto plugin = plugins_ / path_from_utf8(id);
    std::vector<fs::path> old;
    boost::system::error_code failed;
    for (fs::directory_iterator entry(plugin, failed), end; !failed && entry != end;
         entry.increment(failed)) {
        const auto name = path_to_utf8(entry->path().filename());
        if (name != k_current && std::ranges::find(keep, name) == keep.end()) {
            old.push_back(entry->path());
        }
    }
    std::vector<std::string> left;
    for (const auto &folder : old) {
        if (!remove_entry(folder)) {
            left.push_back(path_text(folder));
        }
    }
    if (keep.empty() && left.empty()) {
        fs::remove_all(plugin, failed);
    }
    return left;
}

} // namespace k2s::core::install
