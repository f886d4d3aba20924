// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace k2s::httpproxy {

/// Walks over a chunked body (RFC 9112 7.1) as it streams by, so that the proxy can pass it on
/// unchanged and still knows where it ends. Strict: CRLF only, bounded sizes, extensions and their
/// total length; a bare CR, LF or control character anywhere in the framing is an error.
class ChunkScanner {
  public:
    struct Step {
        size_t consumed = 0;   // bytes of the input that belong to the chunked framing or data
        std::string_view data; // the payload among them (may be empty)
    };

    /// Takes bytes up to the end of the next run of payload, or all framing there is. Call again
    /// with the rest until it consumes nothing, fails, or `at_trailers()`.
    Step next(std::string_view input) noexcept;

    bool failed() const noexcept { return state_ == State::failed; }

    /// The last chunk has been consumed; what follows is the trailer section.
    bool at_trailers() const noexcept { return state_ == State::trailers; }

  private:
    enum class State : uint8_t {
        size_first,
        size,
        extension,
        size_lf,
        data,
        data_cr,
        data_lf,
        trailers,
        failed
    };

    bool framing_byte(char c) noexcept;

    State state_ = State::size_first;
    uint64_t remaining_ = 0;
    size_t line_bytes_ = 0;
    size_t extension_bytes_ = 0;
};

} // namespace k2s::httpproxy
