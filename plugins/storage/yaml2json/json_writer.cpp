// SPDX-License-Identifier: MIT
#include "json_writer.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace k2s::yaml2json {
namespace {

enum Class : uint8_t { k_plain, k_control, k_short, k_html, k_separator_lead };

// U+2028 and U+2029 (E2 80 A8, E2 80 A9) end a line in old JavaScript, so Go escapes them.
constexpr std::array<uint8_t, 256> k_classes = [] {
    std::array<uint8_t, 256> classes{};
    for (size_t i = 0; i < 0x20; ++i) {
        classes[i] = k_control;
    }
    for (const char c : {'"', '\\', '\b', '\f', '\n', '\r', '\t'}) {
        classes[static_cast<uint8_t>(c)] = k_short;
    }
    for (const char c : {'<', '>', '&'}) {
        classes[static_cast<uint8_t>(c)] = k_html;
    }
    classes[0xE2] = k_separator_lead;
    return classes;
}();

char short_escape(char c) noexcept {
    switch (c) {
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return c;
    }
}

} // namespace

JsonWriter::JsonWriter(const Options &options, const Sink &sink)
    : options_{options}, sink_{sink},
      buffer_{std::make_unique_for_overwrite<char[]>(k_buffer_bytes)} {}

bool JsonWriter::flush() {
    if (status_ != Status::good) {
        return false;
    }
    if (used_ == 0) {
        return true;
    }
    if (flushed_ + used_ > options_.limits.output_bytes) {
        status_ = Status::limit_passed;
        return false;
    }
    if (!sink_.write(sink_.context, buffer_.get(), used_)) {
        status_ = Status::sink_refused;
        return false;
    }
    flushed_ += used_;
    used_ = 0;
    return true;
}

bool JsonWriter::put(char c) {
    if (used_ == k_buffer_bytes && !flush()) {
        return false;
    }
    buffer_[used_++] = c;
    return true;
}

bool JsonWriter::write_raw(std::string_view text) {
    while (text.size() > k_buffer_bytes - used_) {
        const size_t part = k_buffer_bytes - used_;
        std::memcpy(buffer_.get() + used_, text.data(), part);
        used_ += part;
        text.remove_prefix(part);
        if (!flush()) {
            return false;
        }
    }
    if (!text.empty()) {
        std::memcpy(buffer_.get() + used_, text.data(), text.size());
        used_ += text.size();
    }
    return true;
}

bool JsonWriter::newline() {
    const Indent indent = options_.indent;
    if (indent.count == 0) {
        return true;
    }
    if (!put('\n')) {
        return false;
    }
    size_t left = (base_depth_ + frames_.size()) * indent.count;
    while (left > 0) {
        if (used_ == k_buffer_bytes && !flush()) {
            return false;
        }
        const size_t part = std::min(left, k_buffer_bytes - used_);
        std::memset(buffer_.get() + used_, indent.character, part);
        used_ += part;
        left -= part;
    }
    return true;
}

bool JsonWriter::write_escape(std::string_view text, size_t &at) {
    constexpr std::string_view k_hex = "0123456789abcdef";
    const char c = text[at];
    const auto byte = static_cast<uint8_t>(c);
    switch (k_classes[byte]) {
    case k_short: {
        ++at;
        const std::array<char, 2> escape{'\\', short_escape(c)};
        return write_raw({escape.data(), escape.size()});
    }
    case k_separator_lead:
        if (text.size() - at >= 3 && text[at + 1] == '\x80' &&
            (text[at + 2] == '\xA8' || text[at + 2] == '\xA9')) {
            const bool line = text[at + 2] == '\xA8';
            at += 3;
            return write_raw(line ? "\\u2028" : "\\u2029");
        }
        ++at;
        return put(c);
    case k_html:
        if (!options_.escape_html) {
            ++at;
            return put(c);
        }
        break;
    default:
        break;
    }
    ++at;
    const std::array<char, 6> escape{'\\', 'u', '0', '0', k_hex[byte >> 4], k_hex[byte & 15]};
    return write_raw({escape.data(), escape.size()});
}

bool JsonWriter::write_string(std::string_view text) {
    return put('"') && write_characters(text) && put('"');
}

bool JsonWriter::write_characters(std::string_view text) {
    for (size_t at = 0; at < text.size();) {
        const size_t begin = at;
        while (at < text.size() && k_classes[static_cast<uint8_t>(text[at])] == k_plain) {
            ++at;
        }
        if (at > begin && !write_raw(text.substr(begin, at - begin))) {
            return false;
        }
        if (at < text.size() && !write_escape(text, at)) {
            return false;
        }
    }
    return true;
}

// Writes a scalar or an empty collection, or opens a collection.
bool JsonWriter::write_node(const Document &document, uint64_t index) {
    const Node &stated = document.nodes[index];
    if (stated.kind == NodeKind::alias) {
        index = stated.target;
    }
    const Node &node = document.nodes[index];
    switch (node.kind) {
    case NodeKind::literal:
        return write_raw(node.view());
    case NodeKind::string:
        return write_string(node.view());
    default:
        break;
    }
    const bool mapping = node.kind == NodeKind::mapping;
    if (node.size == 0) {
        return write_raw(mapping ? "{}" : "[]");
    }
    frames_.push_back({mapping ? node.first_entry : index + 1, node.size, mapping, true});
    return put(mapping ? '{' : '[');
}

bool JsonWriter::write_document(const Document &document, uint64_t root) {
    if (!write_node(document, root)) {
        return false;
    }
    while (!frames_.empty()) {
        Frame &frame = frames_.back();
        if (frame.left == 0) {
            const bool mapping = frame.mapping;
            frames_.pop_back();
            if (!newline() || !put(mapping ? '}' : ']')) {
                return false;
            }
            continue;
        }
        if ((!frame.first && !put(',')) || !newline()) {
            return false;
        }
        frame.first = false;
        --frame.left;
        uint64_t value = frame.next;
        if (frame.mapping) {
            const Entry entry = document.entries[frame.next++];
            if (!write_string(document.nodes[entry.key].view()) ||
                !write_raw(options_.indent.count == 0 ? ":" : ": ")) {
                return false;
            }
            value = entry.value;
        } else {
            frame.next += document.nodes[value].span;
        }
        if (!write_node(document, value)) { // may move the frames
            return false;
        }
    }
    return true;
}

bool JsonWriter::begin_array() {
    base_depth_ = 1;
    array_empty_ = true;
    return put('[');
}

bool JsonWriter::begin_element() {
    const bool first = array_empty_;
    array_empty_ = false;
    return (first || put(',')) && newline();
}

bool JsonWriter::end_array() {
    base_depth_ = 0;
    return (array_empty_ || newline()) && put(']');
}

} // namespace k2s::yaml2json
