// SPDX-License-Identifier: MIT
#pragma once

#include "base/digest.hpp"
#include "base/source.hpp"
#include "layer/compression.hpp"

namespace k2s::image {

struct LayerFacts {
    Digest diff_id;
    Compression compression;
    uint64_t entries = 0;
    uint64_t bytes = 0; // of its files
};

/// Reads a whole layer, to the last byte of `blob`, and applies the rules for entries.
Result<LayerFacts> check_layer(Source &blob, bool windows, uint64_t limit, const Watch &watch);

} // namespace k2s::image
