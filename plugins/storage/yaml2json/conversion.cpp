// SPDX-License-Identifier: MIT
#include "conversion.hpp"

#include <algorithm>
#include <new>

#include <fmt/format.h>

#include "block.hpp"
#include "quoted.hpp"
#include "unicode.hpp"

namespace k2s::yaml2json {
namespace {

struct DestroyIterator {
    void operator()(fy_token_iter *iterator) const noexcept { fy_token_iter_destroy(iterator); }
};

std::string_view token_text(fy_token *token) noexcept {
    size_t size = 0;
    const char *const text = token != nullptr ? fy_token_get_text(token, &size) : nullptr;
    return text != nullptr ? std::string_view{text, size} : std::string_view{};
}

// A few errors (an unknown %YAML version) are not collected but logged, as "[ERR]: reason".
void capture(fy_diag *, void *user, const char *text, size_t size) {
    auto &log = *static_cast<std::string *>(user);
    constexpr size_t k_max = 256;
    log.append(text, std::min(size, k_max - std::min(log.size(), k_max)));
}

// The library's message as one line of valid UTF-8: it quotes parts of the input byte by byte.
std::string tidy_message(std::string_view text) {
    constexpr std::string_view k_level = "[ERR]: ";
    if (text.starts_with(k_level)) {
        text.remove_prefix(k_level.size());
    }
    text = text.substr(0, text.find('\n'));
    text = text.substr(0, text.find_last_not_of(' ') + 1);
    std::string message;
    while (!text.empty()) {
        const size_t length = utf8_sequence(text);
        const bool shown = length > 1 || (length == 1 && text[0] >= ' ');
        message.append(shown ? text.substr(0, length) : "?");
        text.remove_prefix(std::max<size_t>(length, 1));
    }
    return message;
}

} // namespace

void Conversion::open_parser() {
    // By default the library prints errors to stderr.
    fy_diag_cfg diag_config;
    fy_diag_cfg_default(&diag_config);
    diag_config.fp = nullptr;
    diag_config.output_fn = capture;
    diag_config.user = &log_;
    diag_.reset(fy_diag_create(&diag_config));
    if (!diag_) {
        throw std::bad_alloc{};
    }
    fy_diag_set_collect_errors(diag_.get(), true);

    // The library's own depth limit (64) guards its recursive document code, which is not used:
    // the builder has the limit.
    fy_parse_cfg config{};
    config.flags =
        static_cast<fy_parse_cfg_flags>(FYPCF_QUIET | FYPCF_DISABLE_DEPTH_LIMIT | FYPCF_JSON_NONE);
    config.diag = diag_.get();
    parser_.reset(fy_parser_create(&config));
    const std::string_view text = source_->text();
    if (!parser_ || fy_parser_set_string(parser_.get(), text.data(), text.size()) != 0) {
        throw std::bad_alloc{};
    }
}

std::expected<void, Error> Conversion::begin() {
    return wrote(options_.documents != Documents::array || options_.output == Output::yaml ||
                 writer_.begin_array());
}

std::expected<void, Error> Conversion::feed(const Source &source) {
    source_ = &source;
    offset_ = 0;
    if (source.text().empty()) {
        return {};
    }
    log_.clear();
    open_parser();
    while (fy_event *const event = fy_parser_parse(parser_.get())) {
        auto handled = handle(*event);
        fy_parser_event_free(parser_.get(), event);
        if (!handled) {
            return handled;
        }
    }
    if (fy_parser_get_stream_error(parser_.get())) {
        return std::unexpected(parser_error());
    }
    return {};
}

std::expected<void, Error> Conversion::adopt(std::string_view json, uint64_t documents) {
    report_.documents += documents;
    if (options_.documents == Documents::first) {
        return {}; // checked and counted
    }
    report_.written += documents;
    return wrote(writer_.write_raw(json));
}

std::expected<Report, Error> Conversion::end() {
    if (auto finished = finish_stream(); !finished) {
        return std::unexpected(std::move(finished.error()));
    }
    report_.output_bytes = writer_.bytes();
    return report_;
}

std::expected<void, Error> Conversion::handle(const fy_event &event) {
    switch (event.type) {
    case FYET_DOCUMENT_START:
        ++report_.documents;
        skipping_ = checks_ || (options_.documents == Documents::first && report_.documents > 1);
        builder_.start();
        return {};
    case FYET_DOCUMENT_END:
        return skipping_ ? std::expected<void, Error>{} : finish_document();
    default:
        if (skipping_ || handle_node(event)) {
            return {};
        }
        return std::unexpected(fault_error(scalar_fault_ ? *scalar_fault_ : builder_.fault()));
    }
}

Properties Conversion::properties(fy_token *anchor, fy_token *tag, fy_token *start) {
    const fy_mark *mark = start != nullptr ? fy_token_start_mark(start) : nullptr;
    if (mark == nullptr && tag != nullptr) {
        mark = fy_token_start_mark(tag);
    }
    if (mark != nullptr) {
        offset_ = mark->input_pos;
    }
    return {token_text(anchor), token_text(tag), offset_};
}

bool Conversion::handle_node(const fy_event &event) {
    switch (event.type) {
    case FYET_SCALAR:
        return handle_scalar(event);
    case FYET_SEQUENCE_START: {
        const auto &data = event.sequence_start;
        return builder_.begin_sequence(properties(data.anchor, data.tag, data.sequence_start));
    }
    case FYET_MAPPING_START: {
        const auto &data = event.mapping_start;
        return builder_.begin_mapping(properties(data.anchor, data.tag, data.mapping_start));
    }
    case FYET_SEQUENCE_END:
    case FYET_MAPPING_END:
        return builder_.end_collection();
    case FYET_ALIAS: {
        size_t offset = properties(nullptr, nullptr, event.alias.anchor).offset;
        if (offset > 0 && source_->text()[offset - 1] == '*') {
            --offset; // the token begins behind the indicator
        }
        return builder_.alias(token_text(event.alias.anchor), offset);
    }
    default: // the stream's own start and end
        return true;
    }
}

bool Conversion::handle_scalar(const fy_event &event) {
    const auto &data = event.scalar;
    const auto where = properties(data.anchor, data.tag, data.value);
    const auto style = fy_token_scalar_style(data.value);
    const bool plain = style == FYSS_PLAIN || style == FYSS_ANY;
    const fy_mark *const start = fy_token_start_mark(data.value);
    const fy_mark *const end = fy_token_end_mark(data.value);
    if (start != nullptr && end != nullptr) {
        const uint64_t size = end->input_pos - start->input_pos;
        if (size > options_.limits.scalar_bytes) {
            scalar_fault_ = Fault{where.offset, K2S_E_NO_MEMORY,
                                  fmt::format("this scalar has {} bytes, the limit is {}; raise "
                                              "the limit if it is meant",
                                              size, options_.limits.scalar_bytes),
                                  std::nullopt};
            return false;
        }
        // A scalar in one line without escapes is its own text; asking the library for it would
        // make a copy of most of them.
        const auto raw = source_->text().substr(start->input_pos, size);
        const bool one_line = start->line == end->line;
        if (one_line && (plain || (style == FYSS_SINGLE_QUOTED && !raw.contains('\'')) ||
                         (style == FYSS_DOUBLE_QUOTED && !raw.contains('\\')))) {
            return builder_.scalar(where, raw, plain, true);
        }
        if (style == FYSS_DOUBLE_QUOTED) {
            if (!decode_double_quoted(raw, decoded_)) {
                scalar_fault_ =
                    Fault{where.offset, K2S_E_FAILED,
                          "an escape in this scalar names no Unicode character", std::nullopt};
                return false;
            }
            return builder_.scalar(where, decoded_, false, false);
        }
    }
    const bool block = style == FYSS_LITERAL || style == FYSS_FOLDED;
    const std::string_view text = source_->text();
    const bool last = block && start != nullptr && end != nullptr && end->input_pos == text.size();
    if (last && is_empty_block(text, start->input_pos)) {
        return builder_.scalar(where, {}, false, true);
    }
    if (!read_text(data.value)) {
        scalar_fault_ =
            Fault{where.offset, K2S_E_FAILED,
                  "this scalar cannot be read; write it in double quotes", std::nullopt};
        return false;
    }
    if (last) {
        drop_added_break(text.substr(start->input_pos), decoded_);
    }
    return builder_.scalar(where, decoded_, plain, false);
}

// In pieces: fy_token_get_text() believes a length that is estimated while scanning, and where that
// is wrong (some folded scalars) the text ends in memory that was never written.
bool Conversion::read_text(fy_token *token) {
    decoded_.clear();
    const std::unique_ptr<fy_token_iter, DestroyIterator> iterator{fy_token_iter_create(token)};
    if (!iterator) {
        throw std::bad_alloc{};
    }
    const fy_iter_chunk *chunk = nullptr;
    int failed = 0;
    while ((chunk = fy_token_iter_chunk_next(iterator.get(), chunk, &failed)) != nullptr) {
        decoded_.append(chunk->str, chunk->len);
    }
    return failed == 0;
}

std::expected<void, Error> Conversion::finish_document() {
    const auto root = query_.find(document_);
    if (!root) {
        return std::unexpected(
            Error{root.error().code, fmt::format("{}: document {}: {}", name_, report_.documents,
                                                 root.error().message)});
    }
    if (options_.output == Output::yaml) {
        const bool written =
            (report_.written++ == 0 || writer_.write_raw("---\n")) && yaml_.write(document_, *root);
        return wrote(written);
    }
    const bool element = options_.documents == Documents::array;
    if (element && !writer_.begin_element()) {
        return std::unexpected(writer_error());
    }
    bool written = writer_.write_document(document_, *root);
    if (options_.documents == Documents::all) {
        written = written && writer_.write_raw("\n");
    }
    ++report_.written;
    return wrote(written);
}

std::expected<void, Error> Conversion::finish_stream() {
    bool written = true;
    if (options_.output == Output::yaml) {
        return wrote(writer_.flush());
    }
    switch (options_.documents) {
    case Documents::first:
        if (report_.documents == 0) {
            written = writer_.write_raw("{}");
        }
        break;
    case Documents::array:
        written = writer_.end_array();
        break;
    case Documents::all:
        break;
    }
    if (options_.documents != Documents::all && options_.final_newline) {
        written = written && writer_.write_raw("\n");
    }
    return wrote(written && writer_.flush());
}

Error Conversion::parser_error() const {
    void *iterator = nullptr;
    while (const fy_diag_error *const error = fy_diag_errors_iterate(diag_.get(), &iterator)) {
        if (error->type == FYET_ERROR && error->msg != nullptr && error->line > 0) {
            return source_->error_at(static_cast<uint64_t>(error->line),
                                     static_cast<uint64_t>(std::max(error->column, 1)),
                                     tidy_message(error->msg));
        }
    }
    const std::string logged = tidy_message(log_);
    return source_->error_at(offset_, logged.empty() ? std::string_view{"not well-formed YAML"}
                                                     : std::string_view{logged});
}

Error Conversion::fault_error(const Fault &fault) const {
    if (!fault.earlier) {
        return source_->error_at(fault.offset, fault.reason, fault.code);
    }
    return source_->error_at(
        fault.offset,
        fmt::format("{} (first in line {})", fault.reason, source_->line_at(*fault.earlier)),
        fault.code);
}

Error Conversion::writer_error() const {
    if (writer_.status() == JsonWriter::Status::limit_passed) {
        return {K2S_E_NO_MEMORY,
                fmt::format("{}: the JSON text is longer than {} bytes; raise the limit or split "
                            "the file",
                            name_, options_.limits.output_bytes)};
    }
    return {K2S_E_IO, fmt::format("{}: the JSON text could not be written", name_)};
}

} // namespace k2s::yaml2json
