// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <unordered_set>

#include "layer/tar_reader.hpp"

namespace k2s::image {

/// Refuses entries that could write or lead to where they do not belong when somebody unpacks them:
/// absolute paths, `..`, anything below a link, links out of the archive, devices, the same path
/// twice, and, for Windows, paths that differ by case alone.
class EntryRules {
  public:
    enum class Links {
        symbolic,   ///< an archive of images: some tools write symbolic ones
        as_in_layer ///< symbolic links may point anywhere, hard links to what came before
    };
    EntryRules(Links links, bool ignore_case) : links_(links), ignore_case_(ignore_case) {}

    static constexpr size_t k_max_entries = 2'000'000;

    /// The entry's path without `./` and final '/'.
    Result<std::string> check(const ArchiveEntry &entry);

  private:
    using Set = std::unordered_set<std::string>;
    std::string key(const std::string &path) const;

    Links links_;
    bool ignore_case_;
    Set files_, folders_, symlinks_;
};

} // namespace k2s::image
