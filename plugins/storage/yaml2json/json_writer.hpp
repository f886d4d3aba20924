// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "convert.hpp"
#include "document.hpp"

namespace k2s::yaml2json {

/// Writes documents as JSON in the format of Go's encoding/json (Marshal, MarshalIndent).
/// Every function returns false once the sink refused or the output limit was passed.
class JsonWriter {
  public:
    enum class Status : uint8_t { good, sink_refused, limit_passed };

    JsonWriter(const Options &options, const Sink &sink);

    /// `root`: the node that is written, 0 for all of the document.
    bool write_document(const Document &document, uint64_t root = 0);
    bool begin_array();
    bool begin_element(); ///< before each document of the array
    bool end_array();
    bool write_raw(std::string_view text);
    bool write_string(std::string_view text);
    /// What stands between the quotes.
    bool write_characters(std::string_view text);
    bool flush();

    [[nodiscard]] Status status() const noexcept { return status_; }
    /// Bytes that the sink took, plus those still in the buffer.
    [[nodiscard]] uint64_t bytes() const noexcept { return flushed_ + used_; }

  private:
    static constexpr size_t k_buffer_bytes = 64 * 1024;

    struct Frame {
        uint64_t next = 0; ///< mapping: place in entries; sequence: node
        uint32_t left = 0;
        bool mapping = false;
        bool first = true;
    };

    bool put(char c);
    bool newline();
    bool write_escape(std::string_view text, size_t &at);
    bool write_node(const Document &document, uint64_t index);

    const Options &options_;
    const Sink &sink_;
    std::unique_ptr<char[]> buffer_;
    size_t used_ = 0;
    uint64_t flushed_ = 0;
    std::vector<Frame> frames_;
    uint32_t base_depth_ = 0; ///< 1 inside the array of documents
    bool array_empty_ = true;
    Status status_ = Status::good;
};

} // namespace k2s::yaml2json
