// SPDX-License-Identifier: MIT
#include "store/blob.hpp"

#include <vector>

#include <boost/filesystem/operations.hpp>

namespace k2s::image {

Result<size_t> BlobReader::read(void *into, size_t size) {
    auto got = file_.read(into, size);
    if (!got) {
        return got;
    }
    hasher_.update(into, *got);
    done_ += *got;
    if (*got < size && !checked_) {
        checked_ = true;
        if (done_ != expected_.size) {
            return fail(K2S_E_FAILED,
                        "the blob {} has {} bytes instead of {}: it is damaged; import or pull the "
                        "image again",
                        expected_.digest.text(), done_, expected_.size);
        }
        if (const Digest found = hasher_.finish(); found != expected_.digest) {
            return fail(K2S_E_FAILED,
                        "the blob {} has the digest {}: it is damaged; import or pull the image "
                        "again",
                        expected_.digest.text(), found.text());
        }
    }
    return got;
}

Result<bool> is_intact(const std::string &path, const Descriptor &expected, const Watch &watch) {
    auto file = File::open(path);
    if (!file) {
        return false;
    }
    BlobReader reader(std::move(*file), expected);
    std::vector<char> buffer(256U << 10U);
    for (;;) {
        if (watch.stop()) {
            return stopped();
        }
        const auto got = reader.read(buffer.data(), buffer.size());
        if (!got || *got < buffer.size()) {
            return got.has_value(); // damaged, or the disk does not give it: written anew it may do
        }
    }
}

BlobWriter::BlobWriter(BlobWriter &&other) noexcept
    : file_(std::exchange(other.file_, std::nullopt)), blobs_(std::move(other.blobs_)),
      algorithm_(other.algorithm_), keep_(other.keep_), hasher_(std::move(other.hasher_)),
      size_(other.size_) {}

BlobWriter::~BlobWriter() {
    if (file_) {
        const std::string path = file_->path();
        file_.reset();
        if (keep_) {
            return;
        }
        boost::system::error_code ignored;
        fs::remove(to_path(path), ignored);
    }
}

Done BlobWriter::write(const void *data, size_t size) {
    hasher_.update(data, size);
    size_ += size;
    return file_->write(data, size);
}

Done BlobWriter::restart() {
    hasher_ = Hasher(algorithm_);
    size_ = 0;
    return file_->truncate(0);
}

Done BlobWriter::keep_and_catch_up(uint64_t most) {
    keep_ = true;
    std::vector<char> buffer(256U << 10U);
    for (;;) {
        const auto got = file_->read(buffer.data(), buffer.size());
        if (!got) {
            return std::unexpected(got.error());
        }
        hasher_.update(buffer.data(), *got);
        size_ += *got;
        if (*got < buffer.size()) {
            return size_ > most ? restart() : Done();
        }
    }
}

Result<Digest> BlobWriter::commit(const Descriptor *expected) {
    keep_ = false; // whole or wrong: in both cases nobody can go on with it
    Digest digest = hasher_.finish();
    if (expected != nullptr && size_ != expected->size) {
        return fail(K2S_E_FAILED, "the blob {} came with {} bytes instead of {}",
                    expected->digest.text(), size_, expected->size);
    }
    if (expected != nullptr && digest != expected->digest) {
        return fail(K2S_E_FAILED, "the blob {} came with other content: its digest is {}",
                    expected->digest.text(), digest.text());
    }
    const std::string path = file_->path();
    if (auto flushed = file_->sync(); !flushed) {
        return pass(flushed);
    }
    const std::string folder = blobs_ + "/" + std::string(digest.algorithm_name());
    if (auto made = make_folders(folder); !made) {
        return pass(made);
    }
    File written = std::move(*file_);
    file_.reset();
    {
        const File closed = std::move(written);
    }
    const std::string target = folder + "/" + std::string(digest.hex());
    if (auto renamed = rename_durably(path, target); !renamed) {
        boost::system::error_code failed;
        fs::remove(to_path(path), failed);
        // Windows does not replace a file that somebody reads; then the same blob is there already,
        // unless it is damaged.
        if (const auto same = is_intact(target, {{}, digest, size_, {}, {}}); !same || !*same) {
            return pass(renamed);
        }
    }
    return digest;
}

} // namespace k2s::image
