// SPDX-License-Identifier: MIT
// Fuzz target of yaml2json's streams, queries and way back: cut into the smallest pieces a stream
// gives what it gives whole, JSON survives the way through YAML, and any query ends in a value or a
// message. The first line of the input is the query.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "convert.hpp"
#include "require.hpp"

namespace {

using namespace k2s::yaml2json;

bool append(void *context, const char *data, size_t size) {
    static_cast<std::string *>(context)->append(data, size);
    return true;
}

int64_t take(void *context, char *data, size_t size) {
    auto &left = *static_cast<std::string_view *>(context);
    const size_t part = std::min(left.size(), size);
    std::memcpy(data, left.data(), part);
    left.remove_prefix(part);
    return static_cast<int64_t>(part);
}

Options bounded() {
    Options options;
    options.documents = Documents::all;
    options.limits.alias_nodes = 10'000;
    options.limits.alias_bytes = 1'000'000;
    options.limits.line_indicators = 10'000;
    options.limits.output_bytes = 100'000'000;
    options.limits.piece_bytes = 1;
    return options;
}

bool whole(std::string_view input, const Options &options, std::string &output) {
    return convert(input, "fuzz", options, {&output, append}).has_value();
}

bool pieces(std::string_view input, const Options &options, std::string &output) {
    return convert(Reader{&input, take}, "fuzz", options, {&output, append}).has_value();
}

} // namespace

// On some malformed input libfyaml 0.7.12 loses a few tokens; leaks of our own are still reported.
extern "C" const char *__lsan_default_suppressions() {
    return "leak:fy_\n";
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const std::string_view all{reinterpret_cast<const char *>(data), size};
    const size_t line = std::min(all.find('\n'), all.size());
    const std::string_view input = all.substr(std::min(line + 1, all.size()));

    const Options options = bounded();
    std::string at_once;
    std::string in_pieces;
    if (whole(input, options, at_once)) {
        require(pieces(input, options, in_pieces));
        require(at_once == in_pieces);

        Options reverse = options;
        reverse.output = Output::yaml;
        reverse.key_order = KeyOrder::as_written;
        reverse.merge_keys = false;
        reverse.escape_html = false;
        std::string yaml;
        require(pieces(at_once, reverse, yaml));
        Options back = options;
        back.merge_keys = false;
        std::string again;
        require(pieces(yaml, back, again));
        require(at_once == again);
    } else {
        pieces(input, options, in_pieces);
    }

    Options query = options;
    query.query = all.substr(0, line);
    std::string found;
    if (whole(input, query, found)) {
        require(nlohmann::json::accept(found.substr(0, found.find('\n'))) || found.empty());
    }
    return 0;
}
