// SPDX-License-Identifier: MIT
#include "store/walk.hpp"

#include <set>

namespace k2s::image {
namespace {

constexpr int k_max_depth = 4;
constexpr size_t k_max_blobs = 100'000;

class Walk {
  public:
    Walk(const ReadDocument &read, const Visit &visit) : read_(read), visit_(visit) {}

    Done enter(const Descriptor &blob, Kind otherwise, int depth) {
        if (!seen_.insert(blob.digest).second) {
            return {};
        }
        if (seen_.size() > k_max_blobs) {
            return fail(K2S_E_FAILED, "the image has more than {} blobs", k_max_blobs);
        }
        if (media_type::is_index(blob.media_type)) {
            return index(blob, depth);
        }
        if (media_type::is_manifest(blob.media_type)) {
            return manifest(blob, depth);
        }
        return visit_(blob, otherwise, {});
    }

  private:
    Done index(const Descriptor &blob, int depth) {
        if (depth >= k_max_depth) {
            return fail(K2S_E_FAILED, "the index {} is nested deeper than {} levels",
                        blob.digest.text(), k_max_depth);
        }
        const auto text = read_(blob);
        if (!text) {
            return std::unexpected(text.error());
        }
        const auto index = Index::parse(*text, "index " + blob.digest.text());
        if (!index) {
            return std::unexpected(index.error());
        }
        for (const auto &entry : index->manifests) {
            if (auto done = enter(entry, Kind::other, depth + 1); !done) {
                return done;
            }
        }
        return visit_(blob, Kind::index, *text);
    }

    Done manifest(const Descriptor &blob, int depth) {
        const auto text = read_(blob);
        if (!text) {
            return std::unexpected(text.error());
        }
        const auto manifest = Manifest::parse(*text, "manifest " + blob.digest.text());
        if (!manifest) {
            return std::unexpected(manifest.error());
        }
        // A manifest's blobs are blobs, whatever they call themselves: entering one as a document
        // would let a layer pose as an index.
        const auto leaf = [&](const Descriptor &part, Kind kind) -> Done {
            if (media_type::is_index(part.media_type) || media_type::is_manifest(part.media_type)) {
                return fail(K2S_E_FAILED, "the manifest {} names an index or manifest as a {}",
                            blob.digest.text(), kind_name(kind));
            }
            return enter(part, kind, depth + 1);
        };
        if (auto done = leaf(manifest->config, media_type::is_config(manifest->config.media_type)
                                                   ? Kind::config
                                                   : Kind::other);
            !done) {
            return done;
        }
        for (const auto &layer : manifest->layers) {
            if (auto done =
                    leaf(layer, media_type::is_layer(layer.media_type) ? Kind::layer : Kind::other);
                !done) {
                return done;
            }
        }
        return visit_(blob, Kind::manifest, *text);
    }

    const ReadDocument &read_;
    const Visit &visit_;
    std::set<Digest> seen_;
};

Result<std::optional<Descriptor>> search(const ReadDocument &read, const Descriptor &index_blob,
                                         const Platform &wanted, int depth, std::string &offered) {
    if (depth >= k_max_depth) {
        return std::nullopt;
    }
    const auto text = read(index_blob);
    if (!text) {
        return std::unexpected(text.error());
    }
    const auto index = Index::parse(*text, "index " + index_blob.digest.text());
    if (!index) {
        return std::unexpected(index.error());
    }
    for (const auto &entry : index->manifests) {
        if (media_type::is_index(entry.media_type)) {
            auto found = search(read, entry, wanted, depth + 1, offered);
            if (!found || *found) {
                return found;
            }
        } else if (entry.platform) {
            if (wanted.matches(*entry.platform)) {
                return entry;
            }
            offered += (offered.empty() ? "" : ", ") + entry.platform->text();
        }
    }
    return std::nullopt;
}

} // namespace

std::string_view kind_name(Kind kind) {
    switch (kind) {
    case Kind::index:
        return "index";
    case Kind::manifest:
        return "manifest";
    case Kind::config:
        return "configuration";
    case Kind::layer:
        return "layer";
    case Kind::other:
        break;
    }
    return "blob";
}

Done walk(const ReadDocument &read, const Descriptor &root, const Visit &visit) {
    return Walk(read, visit).enter(root, Kind::other, 0);
}

Result<Descriptor> pick(const ReadDocument &read, const Descriptor &root, const Platform &wanted) {
    if (!media_type::is_index(root.media_type)) {
        return root;
    }
    std::string offered;
    auto found = search(read, root, wanted, 0, offered);
    if (!found) {
        return pass(found);
    }
    if (!*found) {
        return fail(K2S_E_NOT_FOUND, "the image has nothing for {}; it is there for: {}",
                    wanted.text(), offered.empty() ? "no platform that it names" : offered);
    }
    return std::move(**found);
}

ReadDocument documents_of(const Store &store) {
    return [&store](const Descriptor &blob) { return store.read_document(blob); };
}

} // namespace k2s::image
