// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "build/builder.hpp"

namespace k2s::image {

struct PauseOptions {
    std::string linux_pause;                ///< the exe for Linux; empty: no such image
    std::string windows_pause;              ///< pause.exe; empty: no such image
    std::string wincat;                     ///< wincat.exe, for port forwarding; may be empty
    std::vector<std::string> windows_bases; ///< one image for each; empty: one from scratch
    int64_t epoch = 0;
    LayerOptions layer;
};

/// The sandbox image of pods: an index with linux/amd64 and, for each Windows base, windows/amd64
/// of that build of Windows.
Result<Descriptor> build_pause(const Store &store, const PauseOptions &options, const Watch &watch);

} // namespace k2s::image
