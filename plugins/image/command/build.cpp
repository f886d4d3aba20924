// SPDX-License-Identifier: MIT
#include <charconv>

#include "build/builder.hpp"
#include "command/common.hpp"

namespace k2s::image {
namespace {

Result<uint64_t> number(std::string_view text, int base, uint64_t most, std::string_view what) {
    uint64_t value = 0;
    const auto [stop, failed] =
        std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (failed != std::errc() || stop != text.data() + text.size() || text.empty() ||
        value > most) {
        return fail(K2S_E_USAGE, "'{}' is no {}", text, what);
    }
    return value;
}

Done ownership(const Invocation &call, TreeOptions &tree) {
    if (call.given("chown")) {
        const std::string text = call.text("chown");
        const size_t colon = text.find(':');
        const auto uid =
            number(text.substr(0, colon), 10, UINT32_MAX, "user and group; give UID:GID");
        const auto gid = colon == std::string::npos ? uid
                                                    : number(text.substr(colon + 1), 10, UINT32_MAX,
                                                             "user and group; give UID:GID");
        if (!uid || !gid) {
            return std::unexpected(uid ? gid.error() : uid.error());
        }
        tree.uid = *uid;
        tree.gid = *gid;
    }
    if (call.given("chmod")) {
        const auto mode =
            number(call.text("chmod"), 8, 07777, "mode; give octal digits, such as 0755");
        if (!mode) {
            return std::unexpected(mode.error());
        }
        tree.mode = static_cast<uint32_t>(*mode);
    }
    return {};
}

Result<BuildOptions> options_of(const Invocation &call, const Host &host) {
    BuildOptions options;
    options.from = call.text("from");
    options.add = call.list("add");
    options.remove = call.list("remove");
    options.empty = call.list("empty");
    options.run = {call.list("entrypoint"), call.list("cmd"),    call.list("env"),
                   call.list("label"),      call.list("expose"), call.text("workdir"),
                   call.text("user")};
    for (const auto &text : call.list("annotation")) {
        const size_t equals = text.find('=');
        if (equals == 0 || equals == std::string::npos) {
            return fail(K2S_E_USAGE, "'{}' is no annotation; give KEY=VALUE", text);
        }
        options.annotations[text.substr(0, equals)] = text.substr(equals + 1);
    }
    auto platform = platform_option(call);
    if (!platform) {
        return pass(platform);
    }
    options.platform = std::move(*platform);
    const auto epoch = source_date_epoch(host);
    if (!epoch) {
        return std::unexpected(epoch.error());
    }
    options.epoch = *epoch;
    options.tree.keep_times = *epoch > 0;
    if (auto done = ownership(call, options.tree); !done) {
        return pass(done);
    }
    const std::string compression = call.text("compression");
    options.layer.compression = compression == "none"   ? Compression::none
                                : compression == "zstd" ? Compression::zstd
                                                        : Compression::gzip;
    options.layer.level = static_cast<int>(call.integer("level"));
    const int64_t threads = call.integer("threads");
    if (threads < 0 || threads > 64) {
        return fail(K2S_E_USAGE, "--threads {}: give 0 to 64", threads);
    }
    options.layer.threads = static_cast<unsigned>(threads);
    return options;
}

/// The original gives name and tag apart: -n NAME -t TAG.
Result<Reference> target_of(const Invocation &call) {
    const std::string tag = call.text("tag");
    auto reference =
        Reference::parse(call.given("image-name") ? call.text("image-name") + ":" + tag : tag);
    if (reference && reference->digest) {
        return fail(K2S_E_USAGE, "'{}' has a digest, which the build decides; give a tag alone",
                    tag);
    }
    return reference;
}

} // namespace

Status run_build(const Invocation &call, const Host &host) {
    const auto name = target_of(call);
    if (!name) {
        return name.error();
    }
    const auto options = options_of(call, host);
    if (!options) {
        return options.error();
    }
    const auto store = open_store(call, Access::write);
    if (!store) {
        return store.error();
    }
    const Progress progress(host, "building " + name->name());
    const auto built = build_image(*store, *options, progress.watch());
    if (!built) {
        return built.error();
    }
    Descriptor image = built->image;
    if (call.flag("merge")) {
        std::optional<Descriptor> old;
        if (auto found = store->find(name->name()); found) {
            old = std::move(*found);
        } else if (found.error().code != K2S_E_NOT_FOUND) {
            return found.error();
        }
        auto merged = merge_platform(*store, old, image);
        if (!merged) {
            return merged.error();
        }
        image = std::move(*merged);
    }
    if (auto tagged = store->tag(name->name(), image); !tagged) {
        return tagged.error();
    }
    Json result{{"name", name->name()},
                {"digest", image.digest.text()},
                {"platform", built->image.platform->text()}};
    if (built->layer) {
        result["layer"] = {{"digest", built->layer->descriptor.digest.text()},
                           {"bytes", built->layer->descriptor.size},
                           {"entries", built->layer->entries}};
    }
    call.data(result.dump());
    return K2S_OK;
}

} // namespace k2s::image
