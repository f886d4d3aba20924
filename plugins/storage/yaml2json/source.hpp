// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "convert.hpp"

namespace k2s::yaml2json {

/// The input as checked UTF-8 without a byte order mark, and the way from an offset in it to a
/// message that a person can act on.
class Source {
  public:
    /// Refuses input that is too large, not well-formed, or holds characters that YAML forbids.
    /// UTF-16 and UTF-32 are recognised as the YAML specification (5.2) says and converted.
    /// `bytes` and `name` must outlive the object.
    static std::expected<Source, Error> open(std::string_view bytes, std::string_view name,
                                             const Limits &limits, uint64_t lines_before = 0);

    [[nodiscard]] std::string_view text() const noexcept {
        return converted_.empty() ? borrowed_ : std::string_view{converted_};
    }

    [[nodiscard]] std::string_view name() const noexcept { return name_; }

    [[nodiscard]] uint64_t line_at(size_t offset) const noexcept {
        return lines_before_ + locate(offset).line;
    }

    [[nodiscard]] Error error_at(size_t offset, std::string_view reason,
                                 int32_t code = K2S_E_FAILED) const;

    /// Line and column count from 1; columns are code points.
    [[nodiscard]] Error error_at(uint64_t line, uint64_t column, std::string_view reason) const;

  private:
    struct Place {
        uint64_t line = 1;
        size_t line_begin = 0;
    };

    Source() = default;

    [[nodiscard]] Place locate(size_t offset) const noexcept;
    [[nodiscard]] std::expected<void, Error> check_characters() const;
    [[nodiscard]] std::expected<void, Error> check_lines(uint32_t max_indicators) const;
    [[nodiscard]] Error format(uint64_t line, uint64_t column, size_t line_begin,
                               std::string_view reason, int32_t code) const;

    std::string_view name_;
    std::string_view borrowed_;
    std::string converted_;
    uint64_t lines_before_ = 0; ///< of the stream that the text is a piece of
};

} // namespace k2s::yaml2json
