// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "base/source.hpp"
#include "store/store.hpp"

namespace k2s::image {

struct VerifyOptions {
    bool layers = true; ///< also unpack each layer: its entries, its diff ID
    uint64_t layer_limit = uint64_t{64} << 30U;
    unsigned threads = 0; ///< 0: one for each processor
};

struct VerifyReport {
    uint64_t blobs = 0;
    uint64_t bytes = 0;
    uint64_t layers = 0;               ///< that were unpacked
    uint64_t entries = 0;              ///< in them
    std::vector<std::string> problems; ///< each names the blob; empty: all is well
};

/// Checks that each blob of an image is there with its size and digest, that manifests and
/// configurations belong together, and what the layers hold. Problems are no Error.
Result<VerifyReport> verify(const Store &store, const Descriptor &image,
                            const VerifyOptions &options, const Watch &watch);

} // namespace k2s::image
