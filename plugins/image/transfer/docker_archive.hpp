// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>
#include <vector>

#include "transfer/import.hpp"

namespace k2s::image {

/// A Docker archive (`docker save`): manifest.json names, for each image, its configuration and its
/// layers as paths; layers may be links to others (that is how tools keep the oldest readers
/// happy). `manifest` is the content of manifest.json, `links` what each symbolic link points to,
/// by path.
Result<std::vector<Imported>> import_docker(const Store &store, const std::string &path,
                                            const std::string &manifest,
                                            const std::map<std::string, std::string> &links,
                                            const Watch &watch);

} // namespace k2s::image
