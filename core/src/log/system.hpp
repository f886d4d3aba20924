// SPDX-License-Identifier: MIT
/// \file
/// What the logger needs from the operating system.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "util/path.hpp"
#include "util/result.hpp"

namespace k2s::core {

int64_t process_id();

/// Microseconds since 1970, UTC.
int64_t wall_clock_us();

bool stderr_is_terminal();

/// Whether escape sequences for colours work there (on Windows this switches them on).
bool stderr_takes_colours();

/// Writes to standard error. False when it is closed, full for longer than a moment, or broken.
bool write_stderr(std::string_view text) noexcept;

/// `bytes` random bytes as lower-case hexadecimal digits.
std::string random_hex(std::size_t bytes);

/// Creates a folder that only its owner (and group; on Windows: administrators and SYSTEM, when a
/// privileged process makes it) may look into. Fine when it exists already.
Result<void> make_private_folder(const fs::path &folder);

} // namespace k2s::core
