// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "document.hpp"
#include "json_writer.hpp"

namespace k2s::yaml2json {

/// Writes a document as block-style YAML 1.2 that every reader, YAML 1.1's included, takes for the
/// same value: a text is plain only where nobody can read anything else in it.
class YamlWriter {
  public:
    explicit YamlWriter(JsonWriter &out) : out_{out} {}

    /// False once the sink refused or the limit was passed; `out` knows which.
    bool write(const Document &document, uint64_t root);

  private:
    struct Frame {
        uint64_t next = 0; ///< mapping: place in entries; sequence: node
        uint32_t left = 0;
        uint32_t indent = 0;
        bool mapping = false;
        bool inlined = false; ///< its first item stands where the cursor is
    };
    enum class After : uint8_t { nothing, key, dash };

    bool indent(uint32_t columns);
    bool write_value(const Document &document, uint64_t index, uint32_t column, After after);
    bool write_quoted(std::string_view text);
    bool write_text(std::string_view text, uint32_t column);
    bool write_lines(std::string_view text, uint32_t column);
    bool write_key(std::string_view text, uint32_t column, After &after);

    JsonWriter &out_;
    std::vector<Frame> frames_;
};

} // namespace k2s::yaml2json
