// SPDX-License-Identifier: MIT
/// \file
/// A .k2splugin file: one zip archive with the files of a plugin's folder – plugin.json, its
/// signature, libraries for any platforms, licence, SBOM – and nothing else.
#pragma once

#include <map>
#include <string>

#include <boost/filesystem/path.hpp>

#include "manifest/manifest.hpp"

namespace k2s::core::install {

namespace fs = boost::filesystem;

constexpr std::size_t k_package_max = 128 * 1024 * 1024;
/// All files together, unpacked: what a small archive that unpacks to gigabytes runs into.
constexpr std::size_t k_unpacked_max = 256 * 1024 * 1024;
constexpr std::size_t k_most_files = 256;

struct Package {
    Manifest manifest;
    std::map<std::string, std::string> files; ///< by name
};

/// That a name may stand in an archive: one file in the plugin's folder on either system. Not "..",
/// no folder, no drive or stream, none of Windows' device names. K2S_E_CONFIG.
Result<void> check_file_name(std::string_view name);

/// Reads the archive as a whole; nothing is written anywhere. K2S_E_CONFIG for whatever is not a
/// plugin: paths, links, doubled names (case counts not), too much, a bad plugin.json.
Result<Package> read_package(const fs::path &module, const fs::path &archive);

/// A zip archive of these files, by name; its bytes.
Result<std::string> write_archive(const fs::path &module,
                                  const std::map<std::string, std::string> &files);

/// Packs a plugin's folder; the archive's bytes.
Result<std::string> make_package(const fs::path &module, const fs::path &folder);

} // namespace k2s::core::install
