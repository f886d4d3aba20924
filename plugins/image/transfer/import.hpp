// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "base/source.hpp"
#include "store/store.hpp"

namespace k2s::image {

struct Imported {
    std::string name; // as the archive has it, or empty
    Descriptor image;
};

/// Takes what an image layout (a folder), an OCI archive or a Docker archive holds into the store;
/// archives may be compressed. Nothing is tagged yet. Refused are archives with entries that have
/// no place in them (links, devices, absolute paths, …) and blobs that are not what their digest
/// says.
Result<std::vector<Imported>> import_images(const Store &store, const std::string &path,
                                            const Watch &watch);

} // namespace k2s::image
