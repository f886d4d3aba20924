// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "model/document.hpp"
#include "model/reference.hpp"
#include "store/blob.hpp"

namespace k2s::image {

enum class Access {
    read,      ///< any OCI layout; nothing is changed
    write,     ///< adds; others may read and add at the same time
    exclusive, ///< nobody else may use the store: for removing blobs
};

/// Images in an OCI image layout: `oci-layout`, `index.json` with a name for each image, and
/// `blobs/ALGORITHM/HEX`. Everything else is in `.k2s`: locks, and what is being written.
///
/// Order makes it safe to die at any time: a blob appears whole, under its digest, before anything
/// names it; index.json is replaced in one step. What is left in `.k2s/ingest` after a crash
/// belongs to nobody, and collect() removes it.
class Store {
  public:
    /// Opens the layout, or makes it unless only reading is asked for. Holds the store's lock.
    static Result<Store> open(const std::string &folder, Access access);

    const std::string &folder() const noexcept { return folder_; }

    /// Whether a blob of this name and size is there; its content may be damaged.
    bool has(const Descriptor &blob) const;
    /// Whether it is there with the right content: reads all of it. Only such a blob needs no
    /// writing, so that importing and pulling mend what is damaged.
    Result<bool> intact(const Descriptor &blob, const Watch &watch = {}) const;
    Result<BlobReader> read(const Descriptor &blob) const;
    /// All of a small blob, checked.
    Result<std::string> read_document(const Descriptor &blob) const;

    Result<BlobWriter> write(Algorithm algorithm = Algorithm::sha256) const;
    /// As write(), but goes on where an earlier writer of this blob ended; and what is written
    /// stays for a later one. (If somebody else is at it: from the beginning.)
    Result<BlobWriter> resume(const Descriptor &blob) const;
    Result<Descriptor> put(std::string_view bytes, std::string_view media_type) const;
    std::string blob_path(const Digest &digest) const;

    Result<Index> index() const;
    /// By name, by digest, or by at least seven digits of it.
    Result<Descriptor> find(const std::string &text) const;
    Done tag(const std::string &name, Descriptor image) const;
    Done untag(const std::string &name) const;

    struct Collected {
        uint64_t blobs = 0;
        uint64_t bytes = 0;
    };
    /// Removes what no image needs. Needs exclusive access.
    Result<Collected> collect() const;

    /// The name that an entry of index.json has, or empty.
    static std::string name_of(const Descriptor &entry);

  private:
    Store(std::string folder, std::optional<File> lock)
        : folder_(std::move(folder)), lock_(std::move(lock)) {}
    std::string ingest() const { return folder_ + "/.k2s/ingest"; }
    Done replace_index(const Index &index) const;
    /// Reads, changes and replaces it with nobody between.
    Done change_index(const std::function<Done(Index &)> &change) const;
    Result<File> lock_index() const;

    std::string folder_;
    std::optional<File> lock_;
};

/// The blobs of a store that one command has found intact or has written: each is read once,
/// however many images share it.
class Intact {
  public:
    explicit Intact(const Store &store) : store_(store) {}

    const Store &store() const noexcept { return store_; }

    /// As Store::intact().
    Result<bool> check(const Descriptor &blob, const Watch &watch);
    void add(const Digest &digest) { known_.insert(digest.text()); }

  private:
    const Store &store_;
    std::set<std::string> known_;
};

} // namespace k2s::image
