// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "layer/layer_writer.hpp"
#include "model/document.hpp"
#include "store/store.hpp"

namespace k2s::image {

/// What an image says about running it; empty: as the base has it.
struct RunSettings {
    std::vector<std::string> entrypoint; ///< a new one drops the base's command
    std::vector<std::string> command;
    std::vector<std::string> environment; ///< NAME=VALUE; replaces the base's of that name
    std::vector<std::string> labels;      ///< KEY=VALUE
    std::vector<std::string> ports;       ///< 8080/tcp
    std::string folder;
    std::string user;
};

struct BuildOptions {
    std::string from = "scratch";    ///< or an image of the store, a layout, an archive
    std::vector<std::string> add;    ///< SOURCE:/DESTINATION
    std::vector<std::string> remove; ///< paths of the base
    std::vector<std::string> empty;  ///< folders of the base
    RunSettings run;
    std::map<std::string, std::string> annotations; ///< of the manifest
    std::optional<Platform> platform; ///< scratch: this machine's; a base: picks from an index
    int64_t epoch = 0;                ///< every time in the image; see SOURCE_DATE_EPOCH
    TreeOptions tree;
    LayerOptions layer;
};

struct Built {
    Descriptor image; // a manifest, with its platform
    std::optional<WrittenLayer> layer;
};

/// Builds an image for one platform into the store; names nothing. The same input gives the same
/// digest, on every machine.
Result<Built> build_image(const Store &store, const BuildOptions &options, const Watch &watch);

/// `image` beside the images for other platforms that `old` has (an index or a single image).
Result<Descriptor> merge_platform(const Store &store, const std::optional<Descriptor> &old,
                                  const Descriptor &image);

} // namespace k2s::image
