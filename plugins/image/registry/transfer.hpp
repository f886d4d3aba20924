// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "registry/registry.hpp"
#include "store/store.hpp"

namespace k2s::image {

struct PullOptions {
    RegistrySettings settings;
    std::vector<std::string> mirrors; ///< HOST[:PORT], tried before the registry itself
    std::optional<Platform> platform; ///< nothing: all that the image has
};

/// Gets an image into the store; tags nothing. A download that broke off goes on where it ended,
/// also after this process died.
Result<Descriptor> pull_image(const Store &store, const Reference &reference,
                              const PullOptions &options, const Watch &watch);

/// Sends what the registry does not have, what is named before what names it.
Done push_image(const Store &store, const Descriptor &image, const Reference &target,
                const RegistrySettings &settings, const Watch &watch);

} // namespace k2s::image
