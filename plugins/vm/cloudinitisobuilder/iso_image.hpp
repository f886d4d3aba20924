// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "result.hpp"

namespace k2s::cloudinitisobuilder {

/// An ISO 9660 image of one flat directory, with Joliet and Rock Ridge, laid out but not written:
///
///     0–15   system area, zeros
///     16–18  primary descriptor, Joliet descriptor, terminator
///     19–22  path tables: primary L and M, Joliet L and M
///     23…    primary root directory, Joliet root directory, Rock Ridge continuation area
///     …      the files' contents, each from a block of its own, zero padded
///     …      150 blocks of zeros, for drivers that read ahead past the end
///
/// Everything before the contents is `header`; contents follow in the order of `files`. Nothing but
/// the arguments gets into the image: no clock, user, host or time zone; so equal arguments give
/// equal bytes on every machine.
///
/// Sources: ECMA-119 (ISO 9660), the Joliet specification of 1995, IEEE P1281 (SUSP) and P1282
/// (RRIP 1991A).
struct IsoLayout {
    std::string header;
    uint64_t content_bytes = 0; ///< the files' contents with their padding
    uint64_t image_bytes = 0;
};

struct IsoFile {
    std::string name; ///< valid UTF-8, 1–255 bytes, no '/'
    uint32_t size = 0;
};

inline constexpr uint32_t k_block = 2048;
inline constexpr uint32_t k_trailing_blocks = 150;
inline constexpr size_t k_label_limit = 16; // Joliet's half of the 32 bytes of ISO 9660
inline constexpr int64_t k_latest_epoch =
    5869583999; // the end of 2155: a year is one byte from 1900

constexpr uint64_t blocks_of(uint64_t bytes) {
    return (bytes + k_block - 1) / k_block;
}

/// Lays out the image. `epoch` (seconds since 1970 UTC, 0…k_latest_epoch) is every time in it;
/// files are mode 0444+owner write (0644), directories 0555, all of uid and gid 0.
std::expected<IsoLayout, Error> lay_out(std::string_view label, int64_t epoch,
                                        const std::vector<IsoFile> &files);

} // namespace k2s::cloudinitisobuilder
