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
constexpr const char *k_unpacking = ".unpacking"; // a leading dot: no plugin
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

Result<fs::path> Versions::unpack(const Package &package) {
    const auto plugin = plugins_ / path_from_utf8(package.manifest.id);
    const auto &version = package.manifest.version;
    if (fs::exists(plugin / "plugin.json")) {
        return fail(K2S_E_EXISTS,
                    "'{}' was not installed from an archive: remove that folder first, or put the "
                    "new files there by hand",
                    path_text(plugin));
    }
    if (current(package.manifest.id) == version) {
        return fail(K2S_E_EXISTS, "plugin '{}' {} is installed already", package.manifest.id,
                    version);
    }
    const auto unpacking = plugin / k_unpacking;
    const auto target = plugin / path_from_utf8(version);
    boost::system::error_code failed;
    for (const auto &old : {unpacking, target}) { // of a process that was killed, or an older time
        fs::remove_all(old, failed);
        if (failed) {
            return cannot("remove the old", old, failed);
        }
    }
    const bool had_folder = fs::exists(plugin);
    fs::create_directories(unpacking, failed);
    if (failed) {
        return cannot("make the folder", unpacking, failed);
    }
    Result<void> done;
    for (const auto &[name, content] : package.files) {
        done = done ? write_file(unpacking / path_from_utf8(name), content) : std::move(done);
    }
    if (done) {
        fs::rename(unpacking, target, failed);
        done = failed ? Result<void>(cannot("rename", unpacking, failed)) : Result<void>();
    }
    if (!done) {
        fs::remove_all(had_folder ? unpacking : plugin, failed);
        return pass(done);
    }
    return target;
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

void Versions::remove(const std::string &id, const std::string &version) {
    const auto plugin = plugins_ / path_from_utf8(id);
    boost::system::error_code
        ignored; // what stays is in nobody's way, and the next change removes it
    fs::remove_all(plugin / path_from_utf8(version), ignored);
    fs::remove(plugin, ignored); // if it is empty
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
        fs::remove_all(folder, failed);
        if (failed) {
            left.push_back(path_text(folder));
        }
    }
    if (keep.empty() && left.empty()) {
        fs::remove_all(plugin, failed);
    }
    return left;
}

} // namespace k2s::core::install
