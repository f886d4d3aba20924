// SPDX-License-Identifier: MIT
#include "command/common.hpp"
#include "store/verify.hpp"
#include "transfer/export.hpp"
#include "transfer/import.hpp"

namespace k2s::image {
namespace {

/// The name that an imported image gets: as the archive has it, completed. Empty: it has none, or
/// one that is no image name; then its digest is all.
std::string name_for(const Imported &image, const std::string &wanted) {
    if (const auto reference = Reference::parse(wanted.empty() ? image.name : wanted); reference) {
        return reference->digest ? reference->text() : reference->name();
    }
    return {};
}

} // namespace

Status run_import(const Invocation &call, const Host &host) {
    const std::string wanted = call.text("name");
    if (!wanted.empty()) {
        if (const auto reference = Reference::parse(wanted); !reference) {
            return reference.error();
        }
    }
    std::string path = call.text("source");
    for (const char *option : {"tar", "dir"}) {
        if (call.given(option)) {
            if (!path.empty()) {
                return Error{K2S_E_USAGE, "two sources are named; give one"};
            }
            path = call.text(option);
        }
    }
    if (path.empty()) {
        return Error{K2S_E_USAGE, "no source is named; give an archive, or the folder of a layout"};
    }
    const auto store = open_store(call, Access::write);
    if (!store) {
        return store.error();
    }
    const Progress progress(host, "importing");
    const auto images = import_images(*store, path, progress.watch());
    if (!images) {
        return images.error();
    }
    if (!wanted.empty() && images->size() != 1) {
        return Error{K2S_E_USAGE,
                     fmt::format("'{}' holds {} images; without --name each gets its own", path,
                                 images->size())};
    }
    // All or nothing: no image gets its name before all have passed.
    if (call.flag("verify")) {
        for (const auto &image : *images) {
            const auto report = verify(*store, image.image, {}, progress.watch());
            if (!report) {
                return report.error();
            }
            if (!report->problems.empty()) {
                return Error{K2S_E_FAILED, fmt::format("'{}' was not imported: {}", path,
                                                       report->problems.front())};
            }
        }
    }
    Json result = Json::array();
    for (const auto &image : *images) {
        const std::string name = name_for(image, wanted);
        if (name.empty()) {
            return Error{K2S_E_USAGE,
                         fmt::format("'{}' holds an image {}; give a name with --name", path,
                                     image.name.empty()
                                         ? "without a name"
                                         : fmt::format("with the name '{:.100}', which is none",
                                                       image.name))};
        }
        if (auto tagged = store->tag(name, image.image); !tagged) {
            return tagged.error();
        }
        result.push_back({{"name", name}, {"digest", image.image.digest.text()}});
    }
    call.data(result.dump());
    return K2S_OK;
}

Status run_export(const Invocation &call, const Host &host) {
    const auto wanted = one_name(call, "image", "name");
    if (!wanted) {
        return wanted.error();
    }
    const std::string target = call.given("tar") ? call.text("tar") : call.text("target");
    if (target.empty()) {
        return Error{K2S_E_USAGE, "no target is named; give a file, or with --as layout a folder"};
    }
    const auto platform = platform_option(call);
    if (!platform) {
        return platform.error();
    }
    const std::string as = call.flag("docker-archive") ? "docker-archive" : call.text("as");
    const ArchiveKind kind = as == "layout"           ? ArchiveKind::layout
                             : as == "docker-archive" ? ArchiveKind::docker_archive
                                                      : ArchiveKind::oci_archive;
    const auto found = find_image(call, Access::read, *wanted);
    if (!found) {
        return found.error();
    }
    const auto &[store, image] = *found;
    const Progress progress(host, "exporting");
    const std::string name = Store::name_of(image);
    if (auto done = export_image(store, image, name, kind, target,
                                 platform->value_or(Platform::here()), progress.watch());
        !done) {
        return done.error();
    }
    call.data(Json{{"name", name}, {"digest", image.digest.text()}, {"target", target}, {"as", as}}
                  .dump());
    return K2S_OK;
}

} // namespace k2s::image
