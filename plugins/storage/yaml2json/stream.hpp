// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "convert.hpp"

namespace k2s::yaml2json {

/// Cuts a stream into pieces of whole documents, so that memory depends on the largest document and
/// not on their number. A line that begins with `---` or `...` is a document's marker wherever it
/// stands (YAML 1.2, 9.1.2: scalars must not contain one), so nothing has to be parsed for that.
/// For JSON it cuts between the values that follow each other in lines. UTF-16 and UTF-32 come as
/// one piece.
class Splitter {
  public:
    Splitter(const Reader &reader, std::string_view name, const Options &options);

    /// The next piece; empty at the end. Valid until the next call. The first call gives the whole
    /// stream when it is small.
    std::expected<std::string_view, Error> next();

    /// Lines before the piece that next() gave last.
    [[nodiscard]] uint64_t lines_before() const noexcept { return lines_before_; }

  private:
    std::expected<void, Error> fill();
    bool scan_lines();
    void scan_json_line(std::string_view line);

    const Reader &reader_;
    std::string_view name_;
    const Options &options_;
    std::string buffer_;
    size_t scanned_ = 0;  ///< lines before this are known
    size_t cut_ = 0;      ///< the last place where a piece may end; 0: none
    size_t ended_at_ = 0; ///< behind the last `...`, while no document has begun after it; else 0
    size_t given_ = 0;    ///< bytes of the buffer that next() gave last
    uint64_t lines_before_ = 0;
    bool started_ = false;
    bool ended_ = false;
    bool whole_ = false;   ///< not to be cut
    bool content_ = false; ///< the document at hand has begun: a comment or directive is none yet
    uint32_t depth_ = 0;   ///< JSON: open brackets
    bool string_ = false;  ///< JSON: in one
    bool escaped_ = false;
};

} // namespace k2s::yaml2json
