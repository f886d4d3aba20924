// SPDX-License-Identifier: MIT
#pragma once

#include "layer/compression.hpp"
#include "layer/tree.hpp"
#include "store/store.hpp"

namespace k2s::image {

struct LayerOptions {
    Compression compression = Compression::gzip;
    int level = 0;
    unsigned threads = 0;
};

struct WrittenLayer {
    Descriptor descriptor;
    Digest diff_id;
    uint64_t entries = 0;
};

/// Writes the tree as one layer into the store. The bytes depend on the tree and the compression's
/// settings alone, not on the number of threads.
Result<WrittenLayer> write_layer(const Store &store, const LayerTree &tree,
                                 const LayerOptions &options, const Watch &watch);

} // namespace k2s::image
