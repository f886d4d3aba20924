// SPDX-License-Identifier: MIT
#include "model/document.hpp"

namespace k2s::image {
namespace {

Json annotations_json(const Annotations &annotations) {
    Json object = Json::object();
    for (const auto &[key, value] : annotations) {
        object[key] = value;
    }
    return object;
}

/// A document says which one it is, or leaves it to the descriptor; a "manifest" with the fields of
/// an index would be two images in one (CVE-2021-41190).
void check_kind(Fields &fields, const Json &document, bool index) {
    const std::string type = fields.text("mediaType");
    if (!type.empty() && (index ? !media_type::is_index(type) : !media_type::is_manifest(type))) {
        fields.wrong(fmt::format("its media type is '{:.80}', not that of {}", type,
                                 index ? "an index" : "an image manifest"));
    }
    if (document.contains(index ? "layers" : "manifests") ||
        (index && document.contains("config"))) {
        fields.wrong("it has the fields of an index and of an image manifest");
    }
    if (fields.size("schemaVersion") != 2) {
        fields.wrong("'schemaVersion' is not 2");
    }
}

} // namespace

Result<Descriptor> Descriptor::read(const Json &object, const std::string &what) {
    if (!object.is_object()) {
        return fail(K2S_E_FAILED, "the {} is no JSON object", what);
    }
    Fields fields(object, what);
    auto digest = Digest::parse(fields.text("digest", true));
    const std::string type = fields.text("mediaType", true);
    const uint64_t size = fields.size("size");
    std::optional<Platform> platform;
    if (const Json *described = fields.object("platform")) {
        Fields inner(*described, what + ", platform");
        platform = Platform::read(inner);
        if (!inner.ok()) {
            return inner.error();
        }
    }
    Annotations annotations = fields.map("annotations");
    if (!fields.ok()) {
        return fields.error();
    }
    if (!digest) {
        return fail(K2S_E_FAILED, "the {}: {}", what, digest.error().message);
    }
    return Descriptor{type, std::move(*digest), size, std::move(platform), std::move(annotations)};
}

Json Descriptor::json() const {
    Json object{{"mediaType", media_type}, {"digest", digest.text()}, {"size", size}};
    if (platform) {
        platform->write(object["platform"]);
    }
    if (!annotations.empty()) {
        object["annotations"] = annotations_json(annotations);
    }
    return object;
}

Result<Index> Index::parse(std::string_view text, const std::string &what) {
    const auto document = parse_object(text, what);
    if (!document) {
        return std::unexpected(document.error());
    }
    Fields fields(*document, what);
    check_kind(fields, *document, true);
    Index index;
    index.annotations = fields.map("annotations");
    const Json *manifests = fields.array("manifests", true);
    if (!fields.ok()) {
        return fields.error();
    }
    if (manifests->size() > k_max_entries) {
        return fail(K2S_E_FAILED, "the {} has {} entries, more than the limit of {}", what,
                    manifests->size(), k_max_entries);
    }
    for (const Json &item : *manifests) {
        auto entry = Descriptor::read(item, what);
        if (!entry) {
            return pass(entry);
        }
        index.manifests.push_back(std::move(*entry));
    }
    return index;
}

std::string Index::text() const {
    Json document{{"schemaVersion", 2}, {"mediaType", media_type::index}};
    document["manifests"] = Json::array();
    for (const auto &manifest : manifests) {
        document["manifests"].push_back(manifest.json());
    }
    if (!annotations.empty()) {
        document["annotations"] = annotations_json(annotations);
    }
    return document.dump();
}

Result<Manifest> Manifest::parse(std::string_view text, const std::string &what) {
    const auto document = parse_object(text, what);
    if (!document) {
        return std::unexpected(document.error());
    }
    Fields fields(*document, what);
    check_kind(fields, *document, false);
    const std::string type = fields.text("mediaType");
    Annotations annotations = fields.map("annotations");
    const Json *config_json = fields.object("config", true);
    const Json *layers = fields.array("layers", true);
    if (!fields.ok()) {
        return fields.error();
    }
    if (layers->size() > k_max_layers) {
        return fail(K2S_E_FAILED, "the {} has {} layers, more than the limit of {}", what,
                    layers->size(), k_max_layers);
    }
    auto config = Descriptor::read(*config_json, what + ", config");
    if (!config) {
        return pass(config);
    }
    Manifest manifest{type, std::move(*config), {}, std::move(annotations)};
    for (const Json &item : *layers) {
        auto layer = Descriptor::read(item, what + ", layer");
        if (!layer) {
            return pass(layer);
        }
        manifest.layers.push_back(std::move(*layer));
    }
    return manifest;
}

std::string Manifest::text() const {
    Json document{{"schemaVersion", 2}, {"mediaType", media_type}, {"config", config.json()}};
    document["layers"] = Json::array();
    for (const auto &layer : layers) {
        document["layers"].push_back(layer.json());
    }
    if (!annotations.empty()) {
        document["annotations"] = annotations_json(annotations);
    }
    return document.dump();
}

Result<ImageConfig> ImageConfig::parse(std::string_view text, const std::string &what) {
    auto document = parse_object(text, what);
    if (!document) {
        return pass(document);
    }
    ImageConfig config;
    Fields fields(*document, what);
    config.platform = Platform::read(fields);
    if (config.platform.os.empty() || config.platform.architecture.empty()) {
        fields.wrong("it does not say its 'os' and 'architecture'");
    }
    fields.object("config");
    if (const Json *rootfs = fields.object("rootfs", true)) {
        Fields inner(*rootfs, what + ", rootfs");
        if (inner.text("type") != "layers") {
            inner.wrong("its type is not 'layers'");
        }
        for (const std::string &id : inner.texts("diff_ids")) {
            auto digest = Digest::parse(id);
            if (!digest) {
                return fail(K2S_E_FAILED, "the {}: {}", what, digest.error().message);
            }
            config.diff_ids.push_back(std::move(*digest));
        }
        if (!inner.ok()) {
            return inner.error();
        }
    }
    if (!fields.ok()) {
        return fields.error();
    }
    config.document = std::move(*document);
    return config;
}

} // namespace k2s::image
