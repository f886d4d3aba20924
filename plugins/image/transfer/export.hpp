// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "base/source.hpp"
#include "store/store.hpp"

namespace k2s::image {

enum class ArchiveKind {
    layout,        ///< a folder
    oci_archive,   ///< the same as a tar archive
    docker_archive ///< for `docker load`; one platform
};

/// Writes an image to a new or existing layout, or replaces an archive in one step. Equal images
/// and names give equal archives. `platform` is what a Docker archive takes of an index.
Done export_image(const Store &store, const Descriptor &image, const std::string &name,
                  ArchiveKind kind, const std::string &target, const Platform &platform,
                  const Watch &watch);

} // namespace k2s::image
