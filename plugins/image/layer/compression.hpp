// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/source.hpp"

namespace k2s::image {

enum class Compression : uint8_t { none, gzip, zstd };

std::string_view name_of(Compression kind);
/// The media type of an OCI layer that is compressed so.
std::string_view layer_type(Compression kind);
/// By the first bytes, as containerd and Docker tell it.
Compression detect(std::string_view first_bytes);

/// Uncompresses whatever `inner` is; also several gzip members or zstd frames after one another.
/// The source must outlive it. Fails when more than `limit` bytes come out.
Result<std::unique_ptr<Source>> expand(Source &inner, uint64_t limit);
/// As above, and tells what it was.
Result<std::unique_ptr<Source>> expand(Source &inner, uint64_t limit, Compression &kind);

/// One compressor for one thread; each block becomes a gzip member or zstd frame of its own, so
/// blocks can be compressed side by side and simply be joined.
class BlockEncoder {
  public:
    virtual ~BlockEncoder() = default;
    /// Replaces `out`. [one thread at a time]
    virtual Done encode(std::string_view block, std::string &out) = 0;

    /// Levels: gzip 1–12, zstd 1–19; 0: the usual one.
    static Result<std::unique_ptr<BlockEncoder>> make(Compression kind, int level);
};

} // namespace k2s::image
