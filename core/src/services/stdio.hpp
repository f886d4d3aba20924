// SPDX-License-Identifier: MIT
/// \file
/// The standard streams, the terminal and the environment of the process; see abi/stdio.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <k2s/abi/stdio.h>

#include "services/cancellation.hpp"

namespace k2s::core {

class Stdio {
  public:
    explicit Stdio(Cancellation &cancellation) : cancellation_(cancellation) {}

    /// Raw standard input. Bytes read, 0 at the end, K2S_E_CANCELLED, K2S_E_IO. A closed standard
    /// input is at its end. For one thread at a time. [may-block]
    int64_t read(uint8_t *buffer, uint64_t size);

    /// Columns of the terminal behind K2S_STREAM_*; 0 when it is none or no such stream.
    static uint32_t columns(uint32_t stream) noexcept;

    /// Whether the terminal behind the stream understands escape sequences. Switches them on in
    /// consoles that only do so when asked.
    static bool escapes(uint32_t stream) noexcept;

    /// Also variables that are set to the empty string, unlike core::environment().
    static std::optional<std::string> environment(std::string_view name);

    bool cancelled() const noexcept { return cancellation_.requested(); }

  private:
    Cancellation &cancellation_;
#ifdef _WIN32
    int64_t read_console(void *input, void *cancelled, uint8_t *buffer, uint64_t size);
    std::string typed_; ///< UTF-8 of a line that did not fit into the caller's buffer
    wchar_t high_ = 0;  ///< first half of a character that the console gave in two reads
#endif
};

/// Writes to standard error at once, for progress bars; errors are ignored.
void write_standard_error(std::string_view text) noexcept;

} // namespace k2s::core
