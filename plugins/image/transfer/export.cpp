// SPDX-License-Identifier: MIT
#include "transfer/export.hpp"

#include <map>
#include <set>
#include <vector>

#include <k2s/sdk/atomic_file.hpp>

#include "layer/tar_writer.hpp"
#include "store/walk.hpp"
#include "transfer/copy.hpp"

namespace k2s::image {
namespace {

/// A tar archive of small texts and of blobs of the store.
class ArchiveWriter {
  public:
    ArchiveWriter(const Store &store, const Watch &watch) : store_(store), watch_(watch) {}

    Done open(const std::string &target) {
        return file_.open(target) ? Done() : std::unexpected(file_.error());
    }
    Done text(const std::string &path, std::string_view content) {
        if (auto done = header(path, content.size()); !done) {
            return done;
        }
        if (auto done = put(content.data(), content.size()); !done) {
            return done;
        }
        return pad(content.size());
    }
    Done blob(const std::string &path, const Descriptor &blob) {
        auto reader = store_.read(blob);
        if (!reader) {
            return pass(reader);
        }
        if (auto done = header(path, blob.size); !done) {
            return done;
        }
        std::vector<char> buffer(256U << 10U);
        uint64_t left = blob.size;
        for (;;) {
            const auto got = reader->read(buffer.data(), buffer.size());
            if (!got) {
                return std::unexpected(got.error());
            }
            if (*got == 0) {
                return pad(blob.size);
            }
            if (watch_.stop()) {
                return stopped();
            }
            if (*got > left) {
                return fail(K2S_E_FAILED, "the blob {} has more than its {} bytes: it is damaged",
                            blob.digest.text(), blob.size);
            }
            left -= *got;
            if (auto done = put(buffer.data(), *got); !done) {
                return done;
            }
            watch_.done(*got);
        }
    }
    Done finish() {
        static constexpr char zeros[k_tar_end] = {};
        if (auto done = put(zeros, k_tar_end); !done) {
            return done;
        }
        return file_.commit() ? Done() : std::unexpected(file_.error());
    }

  private:
    Done header(const std::string &path, uint64_t size) {
        TarEntry entry;
        entry.path = path;
        entry.size = size;
        const std::string bytes = tar_header(entry);
        return put(bytes.data(), bytes.size());
    }
    Done pad(uint64_t size) {
        static constexpr char zeros[512] = {};
        return put(zeros, tar_padding(size));
    }
    Done put(const void *data, size_t size) {
        return size == 0 || file_.write(data, size) ? Done() : std::unexpected(file_.error());
    }

    const Store &store_;
    const Watch &watch_;
    AtomicFile file_;
};

Done export_oci(const Store &store, const Descriptor &image, const std::string &name,
                const std::string &target, const Watch &watch) {
    ArchiveWriter archive(store, watch);
    if (auto done = archive.open(target); !done) {
        return done;
    }
    if (auto done = archive.text("oci-layout", R"({"imageLayoutVersion":"1.0.0"})"); !done) {
        return done;
    }
    Index index;
    index.manifests.push_back(image);
    index.manifests[0].annotations[k_ref_name] = name;
    index.manifests[0].annotations[k_full_name] = name;
    if (auto done = archive.text("index.json", index.text()); !done) {
        return done;
    }
    const auto put = [&](const Descriptor &blob, Kind, const std::string &) {
        return archive.blob(
            fmt::format("blobs/{}/{}", blob.digest.algorithm_name(), blob.digest.hex()), blob);
    };
    if (auto done = walk(documents_of(store), image, put); !done) {
        return done;
    }
    return archive.finish();
}

Done export_docker(const Store &store, const Descriptor &image, const std::string &name,
                   const std::string &target, const Platform &platform, const Watch &watch) {
    const auto chosen = pick(documents_of(store), image, platform);
    if (!chosen) {
        return std::unexpected(chosen.error());
    }
    const auto text = store.read_document(*chosen);
    if (!text) {
        return std::unexpected(text.error());
    }
    const auto manifest = Manifest::parse(*text, "manifest " + chosen->digest.text());
    if (!manifest) {
        return std::unexpected(manifest.error());
    }
    ArchiveWriter archive(store, watch);
    if (auto done = archive.open(target); !done) {
        return done;
    }
    const std::string config = std::string(manifest->config.digest.hex()) + ".json";
    Json entry{{"Config", config}, {"RepoTags", Json::array({name})}};
    entry["Layers"] = Json::array();
    for (const auto &layer : manifest->layers) {
        entry["Layers"].push_back(std::string(layer.digest.hex()) + ".tar");
    }
    if (auto done = archive.text("manifest.json", Json::array({entry}).dump()); !done) {
        return done;
    }
    if (auto done = archive.blob(config, manifest->config); !done) {
        return done;
    }
    std::set<Digest> written; // the same layer may be there several times
    for (const auto &layer : manifest->layers) {
        if (!written.insert(layer.digest).second) {
            continue;
        }
        if (auto done = archive.blob(std::string(layer.digest.hex()) + ".tar", layer); !done) {
            return done;
        }
    }
    return archive.finish();
}

} // namespace

Done export_image(const Store &store, const Descriptor &image, const std::string &name,
                  ArchiveKind kind, const std::string &target, const Platform &platform,
                  const Watch &watch) {
    if (kind == ArchiveKind::oci_archive) {
        return export_oci(store, image, name, target, watch);
    }
    if (kind == ArchiveKind::docker_archive) {
        return export_docker(store, image, name, target, platform, watch);
    }
    const auto to = Store::open(target, Access::write);
    if (!to) {
        return std::unexpected(to.error());
    }
    Intact there(*to);
    if (auto copied = copy_image(store, there, image, watch); !copied) {
        return copied;
    }
    return to->tag(name, image);
}

} // namespace k2s::image
