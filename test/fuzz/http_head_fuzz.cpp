// SPDX-License-Identifier: MIT
// Fuzz target of httpproxy's strict gate: heads, trailers and chunked bodies. The first two bytes
// of an input say where it is cut, the rest is what a peer sends.
#include <cstdint>
#include <string>
#include <string_view>

#include "chunk_scanner.hpp"
#include "head_parser.hpp"
#include "require.hpp"

using namespace k2s::httpproxy;

namespace {

// What must hold for every accepted head, however it was written.
void check_head(const HeadParser &parser, std::string_view data, bool request) {
    require(parser.size() <= data.size());
    require(data.substr(0, parser.size()).ends_with("\r\n\r\n"));
    require(!(parser.chunked() && parser.has_content_length()));
    for (const HeaderField &field : parser.fields()) {
        require(!field.name.empty());
        require(field.name.find_first_of(std::string_view(" \t\r\n:\0", 6)) ==
                std::string_view::npos);
        require(field.value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
    }
    if (request) {
        require(!parser.method().empty() && !parser.target().empty());
    }
}

// A head that is complete in `data` must be incomplete, not something else, in every shorter piece.
void check_prefix(std::string_view data, size_t head, size_t cut) {
    if (head == 0) {
        return;
    }
    HeadParser parser;
    const std::string prefix(data.substr(0, cut % head));
    require(parser.parse_request(prefix, {}) == HeadStatus::incomplete);
}

// Chunked framing must not depend on how the input is cut.
void check_chunks(std::string_view data, size_t piece) {
    std::string whole;
    std::string pieces;
    ChunkScanner one;
    ChunkScanner many;
    size_t one_used = 0;
    size_t many_used = 0;
    while (one_used < data.size() && !one.failed() && !one.at_trailers()) {
        const auto step = one.next(data.substr(one_used));
        whole += step.data;
        one_used += step.consumed;
    }
    while (many_used < data.size() && !many.failed() && !many.at_trailers()) {
        const auto step = many.next(data.substr(many_used, piece));
        pieces += step.data;
        many_used += step.consumed;
    }
    require(one.failed() == many.failed());
    require(one.at_trailers() == many.at_trailers());
    if (!one.failed()) {
        require(one_used == many_used && whole == pieces);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    if (size < 2) {
        return 0;
    }
    const std::string_view data(reinterpret_cast<const char *>(bytes) + 2, size - 2);
    HeadParser parser;
    if (parser.parse_request(data, {}) == HeadStatus::complete) {
        check_head(parser, data, true);
        check_prefix(data, parser.size(), static_cast<size_t>(bytes[0]) << 8 | bytes[1]);
    }
    if (parser.parse_response(data, {}) == HeadStatus::complete) {
        check_head(parser, data, false);
    }
    parser.parse_trailers(data, {});
    check_chunks(data, bytes[0] % 16 + 1U);
    return 0;
}
