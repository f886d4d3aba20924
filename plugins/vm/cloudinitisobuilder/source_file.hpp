// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "result.hpp"

// Twins: linux/source_file.cpp and windows/source_file.cpp.
namespace k2s::cloudinitisobuilder {

enum class EntryKind { file, directory, symbolic_link, other };

struct SourceEntry {
    std::string name; ///< UTF-8 (on Linux: the bytes as they are)
    EntryKind kind = EntryKind::other;
};

/// The entries of a directory, unsorted, symbolic links not followed. Stops with an error after
/// `limit` entries. Paths are UTF-8.
std::expected<std::vector<SourceEntry>, Error> list_directory(const std::string &path,
                                                              size_t limit);

/// The content of a regular file of at most `limit` bytes. A symbolic link, or what took the file's
/// place after it was listed, is an error, never followed.
std::expected<std::string, Error> read_regular_file(const std::string &path, uint64_t limit);

/// Whether both name the same existing directory.
bool same_directory(const std::string &left, const std::string &right);

/// `directory` + separator + `name`, and the directory part of a path ("." when it has none).
std::string join(const std::string &directory, std::string_view name);
std::string parent_of(const std::string &path);

} // namespace k2s::cloudinitisobuilder
