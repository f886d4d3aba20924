// SPDX-License-Identifier: MIT
#include "build/builder.hpp"

#include <algorithm>
#include <ctime>

#include <boost/filesystem/operations.hpp>

#include "store/walk.hpp"
#include "transfer/import.hpp"

namespace k2s::image {
namespace {

/// RFC 3339.
std::string time_text(int64_t seconds) {
    const auto time = static_cast<time_t>(seconds);
    std::tm parts{};
#if defined(_WIN32)
    gmtime_s(&parts, &time);
#else
    gmtime_r(&time, &parts);
#endif
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900,
                       parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

struct Base {
    Manifest manifest;
    ImageConfig config;
};

Base scratch(const Platform &platform) {
    ImageConfig config{platform, {}, Json::object()};
    platform.write(config.document);
    config.document["config"] = Json::object();
    config.document["rootfs"] = {{"type", "layers"}, {"diff_ids", Json::array()}};
    config.document["history"] = Json::array();
    return {Manifest{std::string(media_type::manifest),
                     Descriptor{std::string(media_type::config), Digest::of({}), 0, {}, {}},
                     {},
                     {}},
            std::move(config)};
}

Result<Descriptor> base_image(const Store &store, const std::string &from, const Watch &watch) {
    boost::system::error_code failed;
    if (!fs::exists(to_path(from), failed)) {
        return store.find(from);
    }
    const auto images = import_images(store, from, watch);
    if (!images) {
        return std::unexpected(images.error());
    }
    if (images->size() != 1) {
        return fail(K2S_E_USAGE, "'{}' holds {} images; import it and give the name of one of them",
                    from, images->size());
    }
    return images->front().image;
}

Result<Base> open_base(const Store &store, const BuildOptions &options, const Watch &watch) {
    if (options.from == "scratch") {
        return scratch(options.platform.value_or(Platform::here()));
    }
    const auto root = base_image(store, options.from, watch);
    if (!root) {
        return std::unexpected(root.error());
    }
    const ReadDocument read = documents_of(store);
    const auto image = pick(read, *root, options.platform.value_or(Platform::here()));
    if (!image) {
        return std::unexpected(image.error());
    }
    const auto text = read(*image);
    if (!text) {
        return std::unexpected(text.error());
    }
    auto manifest = Manifest::parse(*text, "manifest " + image->digest.text());
    if (!manifest) {
        return pass(manifest);
    }
    const auto config_text = read(manifest->config);
    if (!config_text) {
        return std::unexpected(config_text.error());
    }
    auto config = ImageConfig::parse(*config_text, "configuration of '" + options.from + "'");
    if (!config) {
        return pass(config);
    }
    if (options.platform && !options.platform->matches(config->platform)) {
        return fail(K2S_E_USAGE, "'{}' is for {}, not for {}", options.from,
                    config->platform.text(), options.platform->text());
    }
    manifest->media_type = media_type::manifest;
    manifest->config.media_type = media_type::config;
    return Base{std::move(*manifest), std::move(*config)};
}

/// Replaces `NAME=…` where it stands, or appends.
void set_variable(Json &list, const std::string &variable) {
    const std::string prefix = variable.substr(0, variable.find('=') + 1);
    for (Json &item : list) {
        if (item.is_string() && item.get_ref<const std::string &>().starts_with(prefix)) {
            item = variable;
            return;
        }
    }
    list.push_back(variable);
}

Done apply(Json &config, const RunSettings &run) {
    const auto split = [](const std::string &text) { return text.find('='); };
    for (const auto &variable : run.environment) {
        if (split(variable) == 0 || split(variable) == std::string::npos) {
            return fail(K2S_E_USAGE, "'{}' is no variable; give NAME=VALUE", variable);
        }
        Json &list = config["Env"];
        if (!list.is_array()) {
            list = Json::array();
        }
        set_variable(list, variable);
    }
    if (!run.entrypoint.empty()) {
        config["Entrypoint"] = run.entrypoint;
        config.erase("Cmd");
    }
    if (!run.command.empty()) {
        config["Cmd"] = run.command;
    }
    if (!run.folder.empty()) {
        config["WorkingDir"] = run.folder;
    }
    if (!run.user.empty()) {
        config["User"] = run.user;
    }
    for (const auto &label : run.labels) {
        if (split(label) == 0 || split(label) == std::string::npos) {
            return fail(K2S_E_USAGE, "'{}' is no label; give KEY=VALUE", label);
        }
        config["Labels"][label.substr(0, split(label))] = label.substr(split(label) + 1);
    }
    for (const auto &port : run.ports) {
        const size_t slash = port.find('/');
        const std::string kind = slash == std::string::npos ? "tcp" : port.substr(slash + 1);
        const std::string number = port.substr(0, slash);
        if (number.empty() || number.size() > 5 ||
            number.find_first_not_of("0123456789") != std::string::npos ||
            std::stoi(number) > 65535 || (kind != "tcp" && kind != "udp")) {
            return fail(K2S_E_USAGE, "'{}' is no port; give NUMBER or NUMBER/udp", port);
        }
        config["ExposedPorts"][number + "/" + kind] = Json::object();
    }
    return {};
}

Result<LayerTree> make_tree(const BuildOptions &options, bool windows, const Watch &watch) {
    LayerTree tree;
    TreeOptions settings = options.tree;
    settings.windows = windows;
    settings.epoch = options.epoch;
    for (const auto &spec : options.add) {
        if (auto done = add_to_tree(tree, spec, settings, watch); !done) {
            return pass(done);
        }
    }
    for (const auto &path : options.remove) {
        if (auto done = add_removal(tree, path, settings); !done) {
            return pass(done);
        }
    }
    for (const auto &path : options.empty) {
        if (auto done = add_opaque(tree, path, settings); !done) {
            return pass(done);
        }
    }
    if (auto done = finish_tree(tree, settings); !done) {
        return pass(done);
    }
    return tree;
}

} // namespace

Result<Built> build_image(const Store &store, const BuildOptions &options, const Watch &watch) {
    auto base = open_base(store, options, watch);
    if (!base) {
        return pass(base);
    }
    Built built{Descriptor{std::string(media_type::manifest), Digest::of({}), 0, {}, {}}, {}};
    Manifest &manifest = base->manifest;
    Json &document = base->config.document;
    const bool windows = base->config.platform.os == "windows";

    const bool layered = !options.add.empty() || !options.remove.empty() || !options.empty.empty();
    if (layered) {
        const auto tree = make_tree(options, windows, watch);
        if (!tree) {
            return std::unexpected(tree.error());
        }
        auto layer = write_layer(store, *tree, options.layer, watch);
        if (!layer) {
            return pass(layer);
        }
        manifest.layers.push_back(layer->descriptor);
        document["rootfs"]["diff_ids"].push_back(layer->diff_id.text());
        built.layer = std::move(*layer);
    }
    if (!document["config"].is_object()) {
        document["config"] = Json::object();
    }
    if (auto applied = apply(document["config"], options.run); !applied) {
        return pass(applied);
    }
    document["created"] = time_text(options.epoch);
    // A base without a history would get one that is shorter than its layers.
    if (document.contains("history") && document["history"].is_array()) {
        Json entry{{"created", time_text(options.epoch)}, {"created_by", "k2s image build"}};
        if (!layered) {
            entry["empty_layer"] = true;
        }
        document["history"].push_back(std::move(entry));
    }
    auto config = store.put(document.dump(), media_type::config);
    if (!config) {
        return pass(config);
    }
    manifest.config = std::move(*config);
    for (const auto &[key, value] : options.annotations) {
        manifest.annotations[key] = value;
    }
    auto image = store.put(manifest.text(), media_type::manifest);
    if (!image) {
        return pass(image);
    }
    built.image = std::move(*image);
    built.image.platform = base->config.platform;
    return built;
}

Result<Descriptor> merge_platform(const Store &store, const std::optional<Descriptor> &old,
                                  const Descriptor &image) {
    Index index;
    if (old && media_type::is_index(old->media_type)) {
        const auto text = store.read_document(*old);
        if (!text) {
            return std::unexpected(text.error());
        }
        auto parsed = Index::parse(*text, "index " + old->digest.text());
        if (!parsed) {
            return pass(parsed);
        }
        index = std::move(*parsed);
    } else if (old) {
        Descriptor single = *old;
        single.annotations.clear();
        index.manifests.push_back(std::move(single));
    }
    const auto same = std::ranges::find_if(
        index.manifests, [&](const Descriptor &entry) { return entry.platform == image.platform; });
    if (same != index.manifests.end()) {
        *same = image;
    } else {
        index.manifests.push_back(image);
    }
    return store.put(index.text(), media_type::index);
}

} // namespace k2s::image
