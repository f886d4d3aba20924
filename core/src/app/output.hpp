// SPDX-License-Identifier: MIT
/// \file
/// The process's own output: bytes as they are, without the C library's buffers.
#pragma once

#include <string_view>

namespace k2s::core {

/// Writes all to standard output. False when the reader is gone or the disk is full.
bool write_out(std::string_view data) noexcept;

/// Writes all to standard error, as far as it goes.
void write_err(std::string_view text) noexcept;

/// Ends the process now, without static destructors: plugin code is still mapped.
[[noreturn]] void end_process(int code) noexcept;

} // namespace k2s::core
