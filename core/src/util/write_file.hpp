// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include <k2s/sdk/atomic_file.hpp>

#include "util/path.hpp"
#include "util/result.hpp"

namespace k2s::core {

/// Replaces the whole file in one step, flushed: k2s::write_file.
inline Result<void> write_file(const fs::path &file, std::string_view content,
                               unsigned mode = 0644) {
    const Status done = k2s::write_file(path_to_utf8(file), content, mode);
    return done.ok() ? Result<void>() : std::unexpected(done.error());
}

} // namespace k2s::core
