// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <map>
#include <string>

#include "base/file.hpp"
#include "base/source.hpp"
#include "layer/tar_reader.hpp"

namespace k2s::image {

/// The largest archive, unpacked, that is read.
inline constexpr uint64_t k_max_archive = uint64_t{1} << 40U;

/// `content` is positioned at the entry's first byte.
using VisitEntry =
    std::function<Done(const std::string &path, const ArchiveEntry &entry, Source &content)>;

/// Goes once through an archive of images, uncompressing it when needed. Every entry has passed the
/// rules: no path twice, none absolute, no hard links or devices.
Done scan_archive(const std::string &path, const VisitEntry &visit, const Watch &watch);

/// All of a small file in an archive.
Result<std::string> read_entry(const std::string &path, const ArchiveEntry &entry, Source &content);

} // namespace k2s::image
