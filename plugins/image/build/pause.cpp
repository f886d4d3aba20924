// SPDX-License-Identifier: MIT
#include "build/pause.hpp"

namespace k2s::image {
namespace {

constexpr uint64_t k_unprivileged = 65535; // the user that Kubernetes' own pause image has

BuildOptions common(const PauseOptions &options) {
    BuildOptions build;
    build.epoch = options.epoch;
    build.layer = options.layer;
    build.run.entrypoint = {"/pause"};
    return build;
}

Result<Descriptor> build_linux(const Store &store, const PauseOptions &options,
                               const Watch &watch) {
    BuildOptions build = common(options);
    build.platform = Platform{"linux", "amd64", {}, {}};
    build.add = {options.linux_pause + ":/pause"};
    build.tree.mode = 0755;
    build.run.user = fmt::format("{}:{}", k_unprivileged, k_unprivileged);
    auto built = build_image(store, build, watch);
    if (!built) {
        return pass(built);
    }
    return std::move(built->image);
}

Result<Descriptor> build_windows(const Store &store, const PauseOptions &options,
                                 const std::string &base, const Watch &watch) {
    BuildOptions build = common(options);
    build.from = base;
    build.platform = Platform{"windows", "amd64", {}, {}};
    build.add = {options.windows_pause + ":/pause.exe"};
    build.run.entrypoint = {"/pause.exe"};
    if (!options.wincat.empty()) {
        // Where kubelet and containerd look for it.
        build.add.push_back(options.wincat + ":/Windows/System32/wincat.exe");
    }
    auto built = build_image(store, build, watch);
    if (!built) {
        return pass(built);
    }
    return std::move(built->image);
}

} // namespace

Result<Descriptor> build_pause(const Store &store, const PauseOptions &options,
                               const Watch &watch) {
    Index index;
    if (!options.linux_pause.empty()) {
        auto image = build_linux(store, options, watch);
        if (!image) {
            return image;
        }
        index.manifests.push_back(std::move(*image));
    }
    if (!options.windows_pause.empty()) {
        auto bases = options.windows_bases;
        if (bases.empty()) {
            bases.emplace_back("scratch");
        }
        for (const auto &base : bases) {
            auto image = build_windows(store, options, base, watch);
            if (!image) {
                return image;
            }
            for (const auto &other : index.manifests) {
                if (other.platform == image->platform) {
                    return fail(K2S_E_USAGE, "'{}' is a second base for {}; give each once", base,
                                image->platform->text());
                }
            }
            index.manifests.push_back(std::move(*image));
        }
    }
    if (index.manifests.empty()) {
        return fail(K2S_E_NOT_FOUND, "neither an exe for Linux nor one for Windows is there; name "
                                     "them with --pause and --pause-exe");
    }
    return store.put(index.text(), media_type::index);
}

} // namespace k2s::image
