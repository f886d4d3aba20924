// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>

#include "base/file.hpp"
#include "base/source.hpp"
#include "model/document.hpp"

namespace k2s::image {

/// Reads a blob and checks it: the read that meets the end fails unless size and digest are right.
class BlobReader final : public Source {
  public:
    BlobReader(File file, const Descriptor &expected)
        : file_(std::move(file)), expected_(expected), hasher_(expected.digest.algorithm()) {}
    Result<size_t> read(void *into, size_t size) override;

  private:
    File file_;
    Descriptor expected_;
    Hasher hasher_;
    uint64_t done_ = 0;
    bool checked_ = false;
};

/// Whether the file is that blob to the last byte. An error only when `watch` says stop.
Result<bool> is_intact(const std::string &path, const Descriptor &expected,
                       const Watch &watch = {});

/// A blob that comes into being. It is nowhere to be seen until commit(), and gone without one.
class BlobWriter {
  public:
    BlobWriter(File file, std::string blobs, Algorithm algorithm)
        : file_(std::move(file)), blobs_(std::move(blobs)), algorithm_(algorithm),
          hasher_(algorithm) {}
    BlobWriter(BlobWriter &&other) noexcept;
    BlobWriter &operator=(BlobWriter &&) = delete;
    ~BlobWriter();

    Done write(const void *data, size_t size);
    /// Forgets what was written.
    Done restart();
    uint64_t size() const noexcept { return size_; }
    /// Flushes it and gives it its name. `expected` is checked before.
    Result<Digest> commit(const Descriptor *expected = nullptr);

  private:
    friend class Store;
    /// Takes the content that the file already has for written, unless it is longer than `most`.
    /// From now on the file stays when this object goes without a commit.
    Done keep_and_catch_up(uint64_t most);

    std::optional<File> file_;
    std::string blobs_;
    Algorithm algorithm_;
    bool keep_ = false;
    Hasher hasher_;
    uint64_t size_ = 0;
};

} // namespace k2s::image
