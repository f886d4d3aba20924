// SPDX-License-Identifier: MIT
#include "transfer/docker_archive.hpp"

#include <set>
#include <vector>

#include "layer/compression.hpp"
#include "layer/tree.hpp"
#include "transfer/archive_scan.hpp"

namespace k2s::image {
namespace {

struct DockerImage {
    std::string config;
    std::vector<std::string> layers;
    std::vector<std::string> names;
};

Result<std::vector<DockerImage>> parse(const std::string &text) {
    // An array at the top, unlike all others: wrapped, the strict reader takes it.
    const auto document = parse_object("{\"images\":" + text + "}", "manifest.json");
    if (!document) {
        return std::unexpected(document.error());
    }
    Fields top(*document, "manifest.json");
    const Json *items = top.array("images", true);
    if (!top.ok()) {
        return top.error();
    }
    std::vector<DockerImage> images;
    for (const Json &item : *items) {
        if (!item.is_object()) {
            return fail(K2S_E_FAILED, "manifest.json holds something that is no image");
        }
        Fields fields(item, "manifest.json");
        DockerImage image{fields.text("Config", true), fields.texts("Layers"),
                          fields.texts("RepoTags")};
        if (!fields.ok()) {
            return fields.error();
        }
        images.push_back(std::move(image));
        if (images.size() > 1000) {
            return fail(K2S_E_FAILED, "manifest.json names more than 1000 images");
        }
    }
    return images;
}

/// Where a link in the archive leads, as a path in the archive.
std::string resolve(const std::string &path, const std::map<std::string, std::string> &links) {
    const auto at = links.find(path);
    if (at == links.end()) {
        return path;
    }
    std::string folder = path.substr(0, path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
    std::string_view rest = at->second;
    while (rest.starts_with("../")) {
        const size_t slash = folder.rfind('/');
        folder.resize(slash == std::string::npos ? 0 : slash);
        rest.remove_prefix(3);
    }
    return folder.empty() ? std::string(rest) : folder + "/" + std::string(rest);
}

struct Part {
    Descriptor blob;
    std::string document; // of a configuration
};

} // namespace

Result<std::vector<Imported>> import_docker(const Store &store, const std::string &path,
                                            const std::string &manifest,
                                            const std::map<std::string, std::string> &links,
                                            const Watch &watch) {
    auto images = parse(manifest);
    if (!images) {
        return pass(images);
    }
    std::set<std::string> configs;
    std::set<std::string> layers;
    for (auto &image : *images) {
        configs.insert(image.config);
        for (auto &layer : image.layers) {
            layer = resolve(layer, links);
            layers.insert(layer);
        }
    }
    std::map<std::string, Part> parts;
    const auto take = [&](const std::string &name, const ArchiveEntry &entry,
                          Source &content) -> Done {
        if (entry.type != ArchiveEntry::Type::file ||
            (!configs.contains(name) && !layers.contains(name))) {
            return {};
        }
        if (configs.contains(name)) {
            auto text = read_entry(name, entry, content);
            if (!text) {
                return pass(text);
            }
            auto put = store.put(*text, media_type::config);
            if (!put) {
                return pass(put);
            }
            parts.emplace(name, Part{std::move(*put), std::move(*text)});
            return {};
        }
        auto writer = store.write();
        if (!writer) {
            return pass(writer);
        }
        std::vector<char> buffer(256U << 10U);
        Compression kind = Compression::none;
        for (;;) {
            const auto got = content.read(buffer.data(), buffer.size());
            if (!got) {
                return std::unexpected(got.error());
            }
            if (*got == 0) {
                break;
            }
            if (writer->size() == 0) {
                kind = detect({buffer.data(), *got});
            }
            watch.done(*got);
            if (auto written = writer->write(buffer.data(), *got); !written) {
                return written;
            }
        }
        const uint64_t size = writer->size();
        auto digest = writer->commit();
        if (!digest) {
            return pass(digest);
        }
        parts.emplace(name,
                      Part{{std::string(layer_type(kind)), std::move(*digest), size, {}, {}}, {}});
        return {};
    };
    if (auto scanned = scan_archive(path, take, watch); !scanned) {
        return pass(scanned);
    }

    std::vector<Imported> imported;
    for (const auto &image : *images) {
        const auto config = parts.find(image.config);
        if (config == parts.end() || config->second.document.empty()) {
            return fail(K2S_E_FAILED, "'{}': its configuration '{:.200}' is missing", path,
                        image.config);
        }
        const auto parsed =
            ImageConfig::parse(config->second.document, "configuration in '" + path + "'");
        if (!parsed) {
            return std::unexpected(parsed.error());
        }
        if (parsed->diff_ids.size() != image.layers.size()) {
            return fail(K2S_E_FAILED, "'{}': the configuration names {} layers, manifest.json {}",
                        path, parsed->diff_ids.size(), image.layers.size());
        }
        Manifest written{std::string(media_type::manifest), config->second.blob, {}, {}};
        for (size_t i = 0; i < image.layers.size(); ++i) {
            const auto layer = parts.find(image.layers[i]);
            if (layer == parts.end()) {
                return fail(K2S_E_FAILED, "'{}': its layer '{:.200}' is missing", path,
                            image.layers[i]);
            }
            // Nothing but the configuration says what an uncompressed layer must be.
            if (layer->second.blob.media_type == media_type::layer &&
                layer->second.blob.digest != parsed->diff_ids[i]) {
                return fail(K2S_E_FAILED, "'{}': the layer '{:.200}' is not {}, as its image says",
                            path, image.layers[i], parsed->diff_ids[i].text());
            }
            written.layers.push_back(layer->second.blob);
        }
        auto put = store.put(written.text(), media_type::manifest);
        if (!put) {
            return pass(put);
        }
        put->platform = parsed->platform;
        if (image.names.empty()) {
            imported.push_back({{}, *put});
        }
        for (const auto &name : image.names) {
            imported.push_back({name, *put});
        }
    }
    return imported;
}

} // namespace k2s::image
