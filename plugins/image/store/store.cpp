// SPDX-License-Identifier: MIT
#include "store/store.hpp"

#include <algorithm>

#include <boost/filesystem/operations.hpp>

#include <k2s/sdk/atomic_file.hpp>
#include <k2s/sdk/read_file.hpp>

namespace k2s::image {
namespace {

constexpr auto k_wait = std::chrono::minutes(2);
constexpr std::string_view k_layout = R"({"imageLayoutVersion":"1.0.0"})";

Result<std::string> read_text(const std::string &path) {
    std::string text;
    if (const Status status = read_file(path, k_max_document, text); !status.ok()) {
        return std::unexpected(status.error());
    }
    return text;
}

Done replace(const std::string &path, std::string_view text) {
    const Status done = write_file(path, text);
    return done.ok() ? Done() : std::unexpected(done.error());
}

Done check_layout(const std::string &folder) {
    const auto text = read_text(folder + "/oci-layout");
    if (!text) {
        return fail(text.error().code, "'{}' is no image layout: {}; give a folder that holds one",
                    folder, text.error().message);
    }
    const auto document = parse_object(*text, "oci-layout file of '" + folder + "'");
    if (!document) {
        return std::unexpected(document.error());
    }
    Fields fields(*document, "oci-layout file of '" + folder + "'");
    if (const std::string version = fields.text("imageLayoutVersion"); version != "1.0.0") {
        return fail(K2S_E_UNSUPPORTED, "the layout '{}' has the version '{:.20}', known is 1.0.0",
                    folder, version);
    }
    return {};
}

Error busy(const std::string &folder, Access access) {
    return {K2S_E_TIMEOUT,
            fmt::format("the image store '{}' is in use by another {}; try again when it is done",
                        folder,
                        access == Access::exclusive ? "command" : "command that removes images")};
}

} // namespace

Result<Store> Store::open(const std::string &given, Access access) {
    if (given.empty()) {
        return fail(K2S_E_USAGE, "no folder for images is known here; name one with --store");
    }
    std::string folder = given;
#if defined(_WIN32)
    std::ranges::replace(folder, '\\', '/');
#endif
    while (folder.size() > 1 && folder.ends_with('/')) {
        folder.pop_back();
    }
    boost::system::error_code ignored;
    const bool there = fs::exists(to_path(folder + "/oci-layout"), ignored);
    if (access == Access::read || there) {
        if (auto checked = check_layout(folder); !checked) {
            return pass(checked);
        }
    }
    if (access == Access::read) {
        if (!fs::exists(to_path(folder + "/.k2s/lock"), ignored)) {
            return Store(folder, std::nullopt); // another program's
        }
    } else if (auto made = make_folders(folder + "/.k2s/ingest"); !made) {
        return pass(made);
    }
    auto lock = access == Access::read ? File::open(folder + "/.k2s/lock")
                                       : File::open_or_create(folder + "/.k2s/lock");
    if (!lock) {
        return pass(lock);
    }
    const auto locked =
        lock->lock(access == Access::exclusive ? LockKind::exclusive : LockKind::shared, k_wait);
    if (!locked) {
        return std::unexpected(locked.error());
    }
    if (!*locked) {
        return std::unexpected(busy(folder, access));
    }
    Store store(folder, std::move(*lock));
    if (!there && access != Access::read) {
        const auto guard = store.lock_index();
        if (!guard) {
            return std::unexpected(guard.error());
        }
        if (!fs::exists(to_path(folder + "/index.json"), ignored)) {
            if (auto written = store.replace_index({}); !written) {
                return pass(written);
            }
        }
        if (auto made = make_folders(folder + "/blobs/sha256"); !made) {
            return pass(made);
        }
        if (auto written = replace(folder + "/oci-layout", k_layout); !written) {
            return pass(written);
        }
    }
    return store;
}

std::string Store::blob_path(const Digest &digest) const {
    return folder_ + "/blobs/" + std::string(digest.algorithm_name()) + "/" +
           std::string(digest.hex());
}

bool Store::has(const Descriptor &blob) const {
    boost::system::error_code failed;
    const uint64_t size = fs::file_size(to_path(blob_path(blob.digest)), failed);
    return !failed && size == blob.size;
}

Result<bool> Store::intact(const Descriptor &blob, const Watch &watch) const {
    if (!has(blob)) {
        return false;
    }
    return is_intact(blob_path(blob.digest), blob, watch);
}

Result<bool> Intact::check(const Descriptor &blob, const Watch &watch) {
    if (known_.contains(blob.digest.text())) {
        return store_.has(blob);
    }
    const auto found = store_.intact(blob, watch);
    if (found && *found) {
        add(blob.digest);
    }
    return found;
}

Result<BlobReader> Store::read(const Descriptor &blob) const {
    auto file = File::open(blob_path(blob.digest));
    if (!file) {
        return fail(file.error().code,
                    "the blob {} of the store '{}' cannot be read: {}; import or pull the image "
                    "again",
                    blob.digest.text(), folder_, file.error().message);
    }
    return BlobReader(std::move(*file), blob);
}

Result<std::string> Store::read_document(const Descriptor &blob) const {
    if (blob.size > k_max_document) {
        return fail(K2S_E_FAILED, "the document {} has {} bytes, more than the limit of {}",
                    blob.digest.text(), blob.size, k_max_document);
    }
    auto reader = read(blob);
    if (!reader) {
        return pass(reader);
    }
    // One byte more than there should be, so that the end is met and the content checked.
    std::string text(blob.size + 1, '\0');
    const auto got = reader->read(text.data(), text.size());
    if (!got) {
        return std::unexpected(got.error());
    }
    if (*got > blob.size) {
        return fail(K2S_E_FAILED, "the blob {} has more than its {} bytes: it is damaged",
                    blob.digest.text(), blob.size);
    }
    text.resize(*got);
    return text;
}

Result<BlobWriter> Store::write(Algorithm algorithm) const {
    for (int attempt = 0;; ++attempt) {
        auto file =
            File::create(ingest() + "/" + fs::unique_path("blob-%%%%%%%%%%%%%%%%").string());
        if (file) {
            return BlobWriter(std::move(*file), folder_ + "/blobs", algorithm);
        }
        if (attempt == 3) {
            return pass(file);
        }
    }
}

Result<BlobWriter> Store::resume(const Descriptor &blob) const {
    auto file = File::open_or_create(fmt::format("{}/pull-{}", ingest(), blob.digest.hex()));
    if (!file) {
        return pass(file);
    }
    const auto locked = file->lock(LockKind::exclusive, std::chrono::milliseconds(0));
    if (!locked) {
        return std::unexpected(locked.error());
    }
    if (!*locked) {
        return write(blob.digest.algorithm());
    }
    BlobWriter writer(std::move(*file), folder_ + "/blobs", blob.digest.algorithm());
    if (auto read = writer.keep_and_catch_up(blob.size); !read) {
        return pass(read);
    }
    return writer;
}

Result<Descriptor> Store::put(std::string_view bytes, std::string_view media_type) const {
    Descriptor descriptor{std::string(media_type), Digest::of(bytes), bytes.size(), {}, {}};
    if (const auto there = intact(descriptor); there && *there) {
        return descriptor;
    }
    auto writer = write();
    if (!writer) {
        return pass(writer);
    }
    if (auto written = writer->write(bytes.data(), bytes.size()); !written) {
        return pass(written);
    }
    if (auto digest = writer->commit(&descriptor); !digest) {
        return pass(digest);
    }
    return descriptor;
}

std::string Store::name_of(const Descriptor &entry) {
    // Docker writes the whole name into containerd's annotation and only the tag into the other.
    for (const char *key : {k_full_name, k_ref_name}) {
        if (const auto at = entry.annotations.find(key); at != entry.annotations.end()) {
            return at->second;
        }
    }
    return {};
}

Result<Index> Store::index() const {
    const auto text = read_text(folder_ + "/index.json");
    if (!text) {
        return std::unexpected(text.error());
    }
    return Index::parse(*text, "index.json of '" + folder_ + "'");
}

Result<Descriptor> Store::find(const std::string &text) const {
    const auto index = this->index();
    if (!index) {
        return std::unexpected(index.error());
    }
    std::string_view hex = text;
    if (hex.starts_with("sha256:")) {
        hex.remove_prefix(7);
    }
    const bool digits = hex.size() >= 7 && hex.find_first_not_of("0123456789abcdef") == hex.npos;
    const auto reference = Reference::parse(text);
    const std::string name = reference ? reference->text() : text;
    const Descriptor *found = nullptr;
    for (const auto &entry : index->manifests) {
        const std::string own = name_of(entry);
        if (own == name || own == text) {
            return entry;
        }
        if ((digits && entry.digest.hex().starts_with(hex)) || entry.digest.text() == text) {
            if (found != nullptr && found->digest != entry.digest) {
                return fail(K2S_E_USAGE, "several images begin with '{}'; give more of the digest",
                            text);
            }
            found = &entry;
        }
    }
    if (found == nullptr) {
        return fail(K2S_E_NOT_FOUND, "no image '{}' is in '{}'; k2s image ls shows those that are",
                    name, folder_);
    }
    return *found;
}

Result<File> Store::lock_index() const {
    auto file = File::open_or_create(folder_ + "/.k2s/index.lock");
    if (!file) {
        return file;
    }
    const auto locked = file->lock(LockKind::exclusive, k_wait);
    if (!locked) {
        return std::unexpected(locked.error());
    }
    if (!*locked) {
        return std::unexpected(busy(folder_, Access::exclusive));
    }
    return file;
}

Done Store::replace_index(const Index &index) const {
    return replace(folder_ + "/index.json", index.text());
}

Done Store::change_index(const std::function<Done(Index &)> &change) const {
    const auto guard = lock_index();
    if (!guard) {
        return std::unexpected(guard.error());
    }
    auto index = this->index();
    if (!index) {
        return pass(index);
    }
    if (auto changed = change(*index); !changed) {
        return changed;
    }
    return replace_index(*index);
}

Done Store::tag(const std::string &name, Descriptor image) const {
    image.annotations[k_ref_name] = name;
    image.annotations[k_full_name] = name;
    return change_index([&](Index &index) {
        std::erase_if(index.manifests, [&](const Descriptor &entry) {
            return name_of(entry) == name ||
                   (name_of(entry).empty() && entry.digest == image.digest); // it has a name now
        });
        index.manifests.push_back(std::move(image));
        return Done();
    });
}

Done Store::untag(const std::string &name) const {
    return change_index([&](Index &index) -> Done {
        const size_t removed = std::erase_if(index.manifests, [&](const Descriptor &entry) {
            return name_of(entry) == name ||
                   (name_of(entry).empty() && entry.digest.text() == name);
        });
        if (removed == 0) {
            return fail(K2S_E_NOT_FOUND,
                        "no image '{}' is in '{}'; k2s image ls shows those that are", name,
                        folder_);
        }
        return {};
    });
}

} // namespace k2s::image
