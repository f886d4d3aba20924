// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include <k2s/sdk/error.hpp>

/// YAML 1.2 to JSON. The whole engine is behind `convert`; README.md states the rules that are not
/// obvious (keys that are no strings, tags, numbers, merge keys, what counts as a document).
namespace k2s::yaml2json {

/// Which documents of the stream become JSON. The whole stream must be well-formed in each case.
enum class Documents : uint8_t {
    first, ///< The first one. A stream without documents gives `{}`, as the original tool does.
    all,   ///< Each one as a JSON text of its own, a line feed after each.
    array, ///< All of them as the elements of one array; no documents give `[]`.
};

enum class KeyOrder : uint8_t {
    sorted,     ///< By the bytes of their UTF-8 text, as Go's encoding/json.
    as_written, ///< As in the source; keys that a merge brings stand where its `<<` stands.
};

/// `yaml` turns the direction round: the input is JSON, values one after the other; each becomes a
/// document of block-style YAML, with `---` between them.
enum class Output : uint8_t { json, yaml };

enum class DuplicateKeys : uint8_t { refuse, last_wins };

/// How a level of nesting is indented; a count of 0 writes one line without spaces.
struct Indent {
    char character = '\t';
    uint8_t count = 0;

    static constexpr Indent none() noexcept { return {}; }
    static constexpr Indent tab() noexcept { return {'\t', 1}; }
    static constexpr Indent spaces(uint8_t count) noexcept { return {' ', count}; }
};

/// Bounds on what one conversion may cost. Each is checked before the cost arises, except
/// `output_bytes`, which ends the writing.
struct Limits {
    uint64_t input_bytes = uint64_t{256} << 20; ///< In memory at a time; never more than 4 GiB - 1.
    uint64_t piece_bytes = uint64_t{1} << 20;   ///< Of small documents that are parsed together.
    uint64_t output_bytes = uint64_t{4} << 30;  ///< Of JSON, all documents together.
    uint64_t scalar_bytes = uint64_t{64} << 20; ///< Of one scalar as it is written in the source.
    uint32_t document_nodes = 50'000'000;       ///< Scalars, sequences and mappings per document.
    uint32_t depth = 1000;                      ///< Nested collections, expanded aliases included.
    uint64_t alias_nodes = 4'000'000;           ///< Nodes that aliases add to one document.
    uint64_t alias_bytes = uint64_t{256} << 20; ///< Text that aliases add to one document.
    uint32_t line_indicators = 1'000'000;       ///< `[ ] { } , :` in a line: see README.md.
};

struct Options {
    Documents documents = Documents::first;
    Indent indent = Indent::none();
    KeyOrder key_order = KeyOrder::sorted;
    DuplicateKeys duplicate_keys = DuplicateKeys::refuse;
    Output output = Output::json;
    std::string query;       ///< JSON pointer to what is written of each document; empty: all of it
    bool escape_html = true; ///< `<`, `>` and `&` as \u003c, \u003e, \u0026, as Go does.
    bool merge_keys = true;  ///< `<<` merges, as in YAML 1.1 and Go's yaml.v3.
    bool yaml11_booleans = false; ///< Plain yes/no/on/off are booleans.
    bool final_newline = false;   ///< A line feed after a single JSON text; `all` always has it.
    Limits limits;
};

/// Gives the input: bytes, 0 at the end, negative for an error.
struct Reader {
    void *context = nullptr;
    int64_t (*read)(void *context, char *data, size_t size) = nullptr;
};

/// Takes the output in pieces of at most 64 KiB. `write` returns false to end the conversion.
struct Sink {
    void *context = nullptr;
    bool (*write)(void *context, const char *data, size_t size) = nullptr;
};

struct Report {
    uint64_t documents = 0; ///< In the stream.
    uint64_t written = 0;   ///< Converted; less than `documents` only with Documents::first.
    uint64_t output_bytes = 0;
};

/// Converts `input`, which `name` stands for in messages. Errors that have a place in the input
/// read `name:line:column: reason`, then the source line and a caret line. Codes: K2S_E_FAILED for
/// input that is wrong or has no JSON form, K2S_E_NO_MEMORY for a limit, K2S_E_IO when the sink
/// refused, K2S_E_USAGE for options that cannot be.
/// A document is written only after it was read and checked whole, so the sink has seen complete
/// JSON texts when a later document fails. Thread-safe; keeps nothing after it returns.
std::expected<Report, Error> convert(std::string_view input, std::string_view name,
                                     const Options &options, const Sink &sink);

/// The same for input of any length: it is read piece by piece at the borders of documents, and
/// `Limits::input_bytes` bounds the largest document.
std::expected<Report, Error> convert(const Reader &reader, std::string_view name,
                                     const Options &options, const Sink &sink);

} // namespace k2s::yaml2json
