// SPDX-License-Identifier: MIT
#include "transfer/import.hpp"

#include <map>

#include <boost/filesystem/operations.hpp>

#include "store/walk.hpp"
#include "transfer/archive_scan.hpp"
#include "transfer/copy.hpp"
#include "transfer/docker_archive.hpp"

namespace k2s::image {
namespace {

std::vector<Imported> list(const Index &index) {
    std::vector<Imported> images;
    for (const auto &entry : index.manifests) {
        Descriptor image = entry;
        image.annotations.erase(k_ref_name);
        image.annotations.erase(k_full_name);
        images.push_back({Store::name_of(entry), std::move(image)});
    }
    return images;
}

Result<std::vector<Imported>> import_layout(const Store &store, const std::string &path,
                                            const Watch &watch) {
    const auto from = Store::open(path, Access::read);
    if (!from) {
        return std::unexpected(from.error());
    }
    const auto index = from->index();
    if (!index) {
        return std::unexpected(index.error());
    }
    Intact there(store);
    for (const auto &image : index->manifests) {
        if (auto copied = copy_image(*from, there, image, watch); !copied) {
            return pass(copied);
        }
    }
    return list(*index);
}

/// What stands beside the blobs of an archive.
struct Documents {
    std::string layout, index, manifest;
    std::map<std::string, std::string> links;
};

/// Takes the blobs of an OCI archive as they come. Of a Docker archive only manifest.json and links
/// are noted: what its files are shows only when that is known.
Result<Documents> scan(Intact &there, const std::string &path, const Watch &watch) {
    Documents found;
    const auto take = [&](const std::string &name, const ArchiveEntry &entry,
                          Source &content) -> Done {
        for (const auto &[file, into] : {std::pair{"oci-layout", &found.layout},
                                         {"index.json", &found.index},
                                         {"manifest.json", &found.manifest}}) {
            if (name == file && entry.type == ArchiveEntry::Type::file) {
                auto text = read_entry(name, entry, content);
                if (!text) {
                    return pass(text);
                }
                *into = std::move(*text);
                return {};
            }
        }
        if (entry.type == ArchiveEntry::Type::symlink) {
            found.links[name] = entry.link;
        }
        if (entry.type != ArchiveEntry::Type::file || !name.starts_with("blobs/")) {
            return {};
        }
        std::string text = name.substr(6);
        if (const size_t slash = text.find('/'); slash != std::string::npos) {
            text[slash] = ':';
        }
        auto digest = Digest::parse(text);
        if (!digest) {
            return fail(K2S_E_FAILED, "the entry '{:.200}' is no blob", name);
        }
        const Descriptor blob{{}, std::move(*digest), entry.size, {}, {}};
        const auto intact = there.check(blob, watch);
        if (!intact) {
            return std::unexpected(intact.error());
        }
        if (*intact) {
            watch.done(blob.size);
            return {};
        }
        return store_blob(there, content, blob, watch);
    };
    if (auto scanned = scan_archive(path, take, watch); !scanned) {
        return pass(scanned);
    }
    return found;
}

} // namespace

Result<std::vector<Imported>> import_images(const Store &store, const std::string &path,
                                            const Watch &watch) {
    boost::system::error_code failed;
    if (fs::is_directory(to_path(path), failed)) {
        return import_layout(store, path, watch);
    }
    Intact there(store);
    const auto found = scan(there, path, watch);
    if (!found) {
        return std::unexpected(found.error());
    }
    if (found->layout.empty() || found->index.empty()) {
        if (found->manifest.empty()) {
            return fail(
                K2S_E_FAILED,
                "'{}' is no archive of images: it has neither oci-layout and index.json nor "
                "manifest.json",
                path);
        }
        return import_docker(store, path, found->manifest, found->links, watch);
    }
    if (!found->links.empty()) {
        return fail(K2S_E_FAILED,
                    "'{}': the entry '{:.200}' is a symbolic link, which has no place "
                    "in an OCI archive",
                    path, found->links.begin()->first);
    }
    const auto index = Index::parse(found->index, "index.json of '" + path + "'");
    if (!index) {
        return std::unexpected(index.error());
    }
    for (const auto &image : index->manifests) {
        const auto complete =
            walk(documents_of(store), image,
                 [&](const Descriptor &blob, Kind, const std::string &) -> Done {
                     const auto intact = there.check(blob, watch);
                     if (!intact) {
                         return std::unexpected(intact.error());
                     }
                     if (!*intact) {
                         return fail(K2S_E_FAILED, "'{}': the blob {} of {} bytes is missing{}",
                                     path, blob.digest.text(), blob.size,
                                     store.has(blob) ? ", and the store's own is damaged" : "");
                     }
                     return {};
                 });
        if (!complete) {
            return std::unexpected(complete.error());
        }
    }
    return list(*index);
}

} // namespace k2s::image
