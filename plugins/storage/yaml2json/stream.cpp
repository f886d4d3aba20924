// SPDX-License-Identifier: MIT
#include "stream.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "unicode.hpp"

namespace k2s::yaml2json {
namespace {

constexpr size_t k_read_bytes = 256 * 1024;

bool is_marker(std::string_view line, std::string_view marker) noexcept {
    return line.starts_with(marker) &&
           (line.size() == 3 || line[3] == ' ' || line[3] == '\t' || line[3] == '\r');
}

} // namespace

Splitter::Splitter(const Reader &reader, std::string_view name, const Options &options)
    : reader_{reader}, name_{name}, options_{options} {}

std::expected<void, Error> Splitter::fill() {
    const uint64_t limit = options_.limits.input_bytes;
    do {
        const size_t used = buffer_.size();
        buffer_.resize(used + k_read_bytes);
        const int64_t got = reader_.read(reader_.context, buffer_.data() + used, k_read_bytes);
        buffer_.resize(used + static_cast<size_t>(std::max<int64_t>(got, 0)));
        if (got < 0) {
            return std::unexpected(Error{K2S_E_IO, fmt::format("cannot read {}", name_)});
        }
        ended_ = got == 0;
    } while (!started_ && !ended_ && buffer_.size() < 4); // enough to see the encoding
    if (!started_) {
        started_ = true;
        whole_ = detect_encoding(buffer_).encoding != Encoding::utf8;
    }
    if (buffer_.size() > limit) {
        return std::unexpected(Error{
            K2S_E_NO_MEMORY,
            fmt::format("{}: a document (from line {}) is longer than {} bytes; raise the limit "
                        "(-max-input) or split it",
                        name_, lines_before_ + 1, limit)});
    }
    return {};
}

std::expected<std::string_view, Error> Splitter::next() {
    lines_before_ += static_cast<uint64_t>(
        std::count(buffer_.begin(), buffer_.begin() + static_cast<ptrdiff_t>(given_), '\n'));
    buffer_.erase(0, given_);
    scanned_ -= given_;
    ended_at_ -= std::min(ended_at_, given_);
    cut_ = 0;
    given_ = 0;
    for (;;) {
        if (!whole_ && scan_lines()) {
            given_ = cut_;
            return std::string_view{buffer_}.substr(0, given_);
        }
        if (ended_) {
            given_ = buffer_.size();
            scanned_ = given_;
            return std::string_view{buffer_};
        }
        if (auto filled = fill(); !filled) {
            return std::unexpected(std::move(filled.error()));
        }
    }
}

/// True when a piece of a good size can be handed on.
bool Splitter::scan_lines() {
    const Limits &limits = options_.limits;
    const uint64_t enough = std::min(limits.piece_bytes, limits.input_bytes / 4 + 1);
    for (;;) {
        const size_t end = buffer_.find('\n', scanned_);
        if (end == std::string::npos) {
            return cut_ >= enough;
        }
        const std::string_view line = std::string_view{buffer_}.substr(scanned_, end - scanned_);
        if (options_.output == Output::yaml) {
            scan_json_line(line);
            if (depth_ == 0 && !string_) {
                cut_ = scanned_ = end + 1;
                return true; // each value for itself: nothing else separates them
            }
        } else if (is_marker(line, "---")) {
            if (ended_at_ != 0) {
                cut_ = ended_at_; // what stands between, comments and directives, is the next one's
            } else if (content_) {
                cut_ = scanned_;
            }
            ended_at_ = 0;
            content_ = true;
        } else if (is_marker(line, "...")) {
            ended_at_ = end + 1;
            content_ = false;
        } else if (!content_) {
            const size_t first = line.find_first_not_of(" \t\r");
            if (first != std::string_view::npos && line[first] != '#' && line[0] != '%') {
                content_ = true;
                ended_at_ = 0; // a bare document: libfyaml reads some of them otherwise when they
                               // come first
            }
        }
        scanned_ = end + 1;
    }
}

void Splitter::scan_json_line(std::string_view line) {
    for (const char c : line) {
        if (string_) {
            string_ = escaped_ || c != '"';
            escaped_ = !escaped_ && c == '\\';
        } else if (c == '"') {
            string_ = true;
        } else if (c == '[' || c == '{') {
            ++depth_;
        } else if ((c == ']' || c == '}') && depth_ > 0) {
            --depth_;
        }
    }
}

} // namespace k2s::yaml2json
