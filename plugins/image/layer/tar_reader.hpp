// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>

#include "base/source.hpp"

namespace k2s::image {

/// An entry as an archive claims it; nothing of it can be trusted.
struct ArchiveEntry {
    enum class Type { file, directory, symlink, hard_link, special };
    std::string path;
    Type type = Type::file;
    std::string link;
    uint64_t size = 0;
};

/// Reads a tar archive (uncompressed: see expand) entry by entry with libarchive.
class TarReader final : public Source {
  public:
    /// `inner` must outlive it.
    static Result<std::unique_ptr<TarReader>> open(Source &inner);
    ~TarReader() override;

    /// False: the end of the archive.
    Result<bool> next(ArchiveEntry &entry);
    /// The content of the current entry.
    Result<size_t> read(void *into, size_t size) override;

  private:
    struct Impl;
    explicit TarReader(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace k2s::image
