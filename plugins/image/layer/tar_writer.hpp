// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace k2s::image {

enum class EntryType : char { file = '0', hard_link = '1', symlink = '2', directory = '5' };

/// A header of a tar archive (POSIX.1-2001, pax).
struct TarEntry {
    std::string path; // relative, '/' between the parts, none at the end
    EntryType type = EntryType::file;
    uint32_t mode = 0644;
    uint64_t uid = 0;
    uint64_t gid = 0;
    uint64_t size = 0;
    int64_t mtime = 0; // seconds, not negative
    std::string link;
    std::map<std::string, std::string> pax; // further records, such as those of Windows
};

/// The bytes of the header, and of a pax header before it where the old fields are too small or too
/// narrow. Equal entries give equal bytes on every system: no user names, no device numbers, no
/// time but `mtime`.
std::string tar_header(const TarEntry &entry);

/// How many zero bytes follow content of this size.
constexpr size_t tar_padding(uint64_t size) {
    return static_cast<size_t>((512 - size % 512) % 512);
}

/// The end of an archive.
inline constexpr size_t k_tar_end = 1024;

} // namespace k2s::image
