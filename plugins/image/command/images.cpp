// SPDX-License-Identifier: MIT
#include <set>

#include "command/common.hpp"
#include "store/verify.hpp"
#include "store/walk.hpp"

namespace k2s::image {
namespace {

struct Summary {
    std::vector<std::string> platforms;
    uint64_t bytes = 0;
    std::string problem;
};

Summary summarize(const Store &store, const Descriptor &image) {
    Summary summary;
    const auto walked =
        walk(documents_of(store), image,
             [&](const Descriptor &blob, Kind kind, const std::string &document) -> Done {
                 summary.bytes += blob.size;
                 if (kind != Kind::manifest) {
                     return {};
                 }
                 const auto manifest = Manifest::parse(document, "manifest " + blob.digest.text());
                 if (!manifest || !media_type::is_config(manifest->config.media_type)) {
                     return {};
                 }
                 const auto text = store.read_document(manifest->config);
                 const auto config =
                     text ? ImageConfig::parse(*text, "configuration of " + blob.digest.text())
                          : Result<ImageConfig>(std::unexpected(text.error()));
                 if (!config) {
                     return std::unexpected(config.error());
                 }
                 summary.platforms.push_back(config->platform.text());
                 return {};
             });
    if (!walked) {
        summary.problem = walked.error().message;
    }
    return summary;
}

/// rm and prune: frees what no image needs any more, unless somebody is using the store.
Status collect(const Invocation &call, Json result) {
    const auto store = open_store(call, Access::exclusive);
    if (!store) {
        return store.error();
    }
    const auto collected = store->collect();
    if (!collected) {
        return collected.error();
    }
    result["blobs_removed"] = collected->blobs;
    result["bytes_freed"] = collected->bytes;
    call.data(result.dump());
    return K2S_OK;
}

} // namespace

Status run_list(const Invocation &call, const Host & /*host*/) {
    const auto store = open_store(call, Access::read);
    if (!store) {
        return store.error();
    }
    const auto index = store->index();
    if (!index) {
        return index.error();
    }
    Json images = Json::array();
    for (const auto &image : index->manifests) {
        const Summary summary = summarize(*store, image);
        std::string platforms;
        for (const auto &platform : summary.platforms) {
            platforms += (platforms.empty() ? "" : ", ") + platform;
        }
        Json entry{{"name", Store::name_of(image)},
                   {"digest", image.digest.text()},
                   {"platforms", platforms},
                   {"bytes", summary.bytes}};
        if (!summary.problem.empty()) {
            entry["problem"] = summary.problem;
        }
        images.push_back(std::move(entry));
    }
    call.data(images.dump());
    return K2S_OK;
}

Status run_inspect(const Invocation &call, const Host & /*host*/) {
    const auto found = find_image(call, Access::read, call.text("image"));
    if (!found) {
        return found.error();
    }
    const auto &[store, image] = *found;
    Json result{{"name", Store::name_of(image)},
                {"digest", image.digest.text()},
                {"media_type", image.media_type}};
    result["images"] = Json::array();
    const auto walked =
        walk(documents_of(store), image,
             [&](const Descriptor &blob, Kind kind, const std::string &document) -> Done {
                 if (kind != Kind::manifest) {
                     return {};
                 }
                 const auto manifest = Manifest::parse(document, "manifest " + blob.digest.text());
                 if (!manifest) {
                     return std::unexpected(manifest.error());
                 }
                 Json entry{{"digest", blob.digest.text()}, {"layers", Json::array()}};
                 for (const auto &layer : manifest->layers) {
                     entry["layers"].push_back(layer.json());
                 }
                 if (!manifest->annotations.empty()) {
                     entry["annotations"] = manifest->annotations;
                 }
                 if (media_type::is_config(manifest->config.media_type)) {
                     const auto text = store.read_document(manifest->config);
                     if (!text) {
                         return std::unexpected(text.error());
                     }
                     const auto config =
                         ImageConfig::parse(*text, "configuration of " + blob.digest.text());
                     if (!config) {
                         return std::unexpected(config.error());
                     }
                     entry["platform"] = config->platform.text();
                     entry["configuration"] = config->document;
                 } else {
                     entry["artifact"] = manifest->config.media_type;
                 }
                 result["images"].push_back(std::move(entry));
                 return {};
             });
    if (!walked) {
        return walked.error();
    }
    call.data(result.dump());
    return K2S_OK;
}

Status run_tag(const Invocation &call, const Host & /*host*/) {
    const auto name = Reference::parse(call.given("target-name") ? call.text("target-name")
                                                                 : call.text("new-name"));
    if (!name) {
        return name.error();
    }
    if (name->digest) {
        return Error{K2S_E_USAGE, fmt::format("'{}' has a digest; give a tag alone", name->text())};
    }
    const auto found = find_image(call, Access::write, call.text("image"));
    if (!found) {
        return found.error();
    }
    const auto &[store, image] = *found;
    if (auto tagged = store.tag(name->name(), image); !tagged) {
        return tagged.error();
    }
    call.data(Json{{"name", name->name()}, {"digest", image.digest.text()}}.dump());
    return K2S_OK;
}

Status run_remove(const Invocation &call, const Host & /*host*/) {
    Json removed = Json::array();
    {
        const auto store = open_store(call, Access::write);
        if (!store) {
            return store.error();
        }
        std::vector<Descriptor> images; // all of them are there before any goes
        for (const auto &name : call.list("image")) {
            auto image = store->find(name);
            if (!image) {
                return image.error();
            }
            images.push_back(std::move(*image));
        }
        std::set<std::string> done;
        for (const auto &image : images) {
            const std::string name = Store::name_of(image);
            const std::string key = name.empty() ? image.digest.text() : name;
            if (!done.insert(key).second) {
                continue;
            }
            if (auto gone = store->untag(key); !gone) {
                return gone.error();
            }
            removed.push_back(key);
        }
    }
    return collect(call, Json{{"removed", removed}});
}

Status run_prune(const Invocation &call, const Host & /*host*/) {
    return collect(call, Json::object());
}

Status run_verify(const Invocation &call, const Host &host) {
    const auto store = open_store(call, Access::read);
    if (!store) {
        return store.error();
    }
    std::vector<Descriptor> images;
    if (const auto names = call.list("image"); !names.empty()) {
        for (const auto &name : names) {
            auto image = store->find(name);
            if (!image) {
                return image.error();
            }
            images.push_back(std::move(*image));
        }
    } else {
        auto index = store->index();
        if (!index) {
            return index.error();
        }
        images = std::move(index->manifests);
    }
    VerifyOptions options;
    options.layers = !call.flag("digests-only");
    options.layer_limit = static_cast<uint64_t>(call.integer("max-layer"));
    const Progress progress(host, "verifying");
    Json result = Json::array();
    bool sound = true;
    for (const auto &image : images) {
        const auto report = verify(*store, image, options, progress.watch());
        if (!report) {
            return report.error();
        }
        std::string name = Store::name_of(image);
        if (name.empty()) {
            name = image.digest.text();
        }
        for (const auto &problem : report->problems) {
            call.err(fmt::format("image: '{}': {}\n", name, problem));
            sound = false;
        }
        result.push_back({{"image", name},
                          {"blobs", report->blobs},
                          {"bytes", report->bytes},
                          {"layers", report->layers},
                          {"entries", report->entries},
                          {"problems", report->problems}});
    }
    call.data(result.dump());
    return sound ? K2S_OK : -K2S_E_FAILED; // with an Error the list would not be shown
}

} // namespace k2s::image
