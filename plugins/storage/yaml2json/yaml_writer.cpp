// SPDX-License-Identifier: MIT
#include "yaml_writer.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "scalar.hpp"

namespace k2s::yaml2json {
namespace {

constexpr uint32_t k_step = 2;
constexpr size_t k_max_simple_key = 1000; ///< YAML ends simple keys at 1024 characters

bool is_letter(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// Plain text that means itself in every schema. ASCII only, a letter, `_` or `/` first: what
/// begins with a digit or a sign is a number, a date or a base-60 number to somebody.
bool is_plain(std::string_view text) noexcept {
    if (text.empty() || text == "y" || text == "Y" || text == "n" || text == "N" ||
        (!is_letter(text[0]) && text[0] != '_' && text[0] != '/') || text.back() == ' ' ||
        text.back() == ':' || classify(text, true) != ScalarType::string) {
        return false;
    }
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c < ' ' || c == 0x7F || (c == ':' && text[i + 1] == ' ') ||
            (c == '#' && text[i - 1] == ' ')) {
            return false;
        }
    }
    return true;
}

/// Several lines that can stand as they are (a literal scalar): they end with at most one line
/// feed, begin with no blank, and hold nothing that would have to be escaped.
bool is_literal(std::string_view text) noexcept {
    if (text.size() < 3 || text[0] <= ' ' || !text.contains('\n') || text.ends_with("\n\n")) {
        return false;
    }
    return std::none_of(text.begin(), text.end(), [](char c) {
        const auto byte = static_cast<uint8_t>(c);
        // 0xC2: U+0080 to U+00BF, 0xE2: U+2000 on, 0xEF: U+F000 on. Some of them are line breaks in
        // YAML 1.1 or not printable; a quoted text does as well.
        return (byte < ' ' && c != '\n' && c != '\t') || byte == 0x7F || byte == 0xC2 ||
               byte == 0xE2 || byte == 0xEF;
    });
}

/// What JSON has as it is, but some reader of YAML refuses, folds or drops: U+007F to U+009F (of
/// these U+0085 is a line break in YAML 1.1), the byte order mark, U+FFFE and U+FFFF. The code
/// point where `text` begins and its length, or 0.
uint32_t needs_escape(std::string_view text, size_t &length) noexcept {
    const auto byte = [&](size_t at) {
        return at < text.size() ? static_cast<uint8_t>(text[at]) : uint8_t{0};
    };
    if (byte(0) == 0x7F) {
        length = 1;
        return 0x7F;
    }
    if (byte(0) == 0xC2 && byte(1) < 0xA0) {
        length = 2;
        return byte(1);
    }
    const uint32_t code =
        byte(0) == 0xEF ? 0xF000U | (byte(1) & 0x3FU) << 6U | (byte(2) & 0x3FU) : 0;
    length = 3;
    return code == 0xFEFF || code == 0xFFFE || code == 0xFFFF ? code : 0;
}

} // namespace

bool YamlWriter::write_quoted(std::string_view text) {
    if (!out_.write_raw("\"")) {
        return false;
    }
    size_t begin = 0;
    for (size_t at = 0; at < text.size(); ++at) {
        size_t length = 0;
        const uint32_t code = needs_escape(text.substr(at), length);
        if (code == 0) {
            continue;
        }
        if (!out_.write_characters(text.substr(begin, at - begin)) ||
            !out_.write_raw(fmt::format("\\u{:04x}", code))) {
            return false;
        }
        begin = at + length;
        at = begin - 1;
    }
    return out_.write_characters(text.substr(begin)) && out_.write_raw("\"");
}

bool YamlWriter::indent(uint32_t columns) {
    constexpr std::string_view k_blanks = "                                ";
    while (columns > 0) {
        const auto part = std::min<uint32_t>(columns, k_blanks.size());
        if (!out_.write_raw(k_blanks.substr(0, part))) {
            return false;
        }
        columns -= part;
    }
    return true;
}

bool YamlWriter::write_lines(std::string_view text, uint32_t column) {
    const bool ends = text.ends_with('\n');
    if (!out_.write_raw(ends ? "|\n" : "|-\n")) {
        return false;
    }
    if (ends) {
        text.remove_suffix(1);
    }
    for (size_t begin = 0; begin <= text.size();) {
        const size_t end = std::min(text.find('\n', begin), text.size());
        const auto line = text.substr(begin, end - begin);
        if ((!line.empty() && !indent(column)) || !out_.write_raw(line) || !out_.write_raw("\n")) {
            return false;
        }
        begin = end + 1;
    }
    return true;
}

/// `column`: where the lines of a literal scalar begin; 0 forbids one.
bool YamlWriter::write_text(std::string_view text, uint32_t column) {
    if (column > 0 && is_literal(text)) {
        return write_lines(text, column);
    }
    return (is_plain(text) ? out_.write_raw(text) : write_quoted(text)) && out_.write_raw("\n");
}

bool YamlWriter::write_key(std::string_view text, uint32_t column, After &after) {
    if (text.size() <= k_max_simple_key) {
        after = After::key;
        return (is_plain(text) ? out_.write_raw(text) : write_quoted(text)) && out_.write_raw(":");
    }
    after = After::dash; // "? key" and ": value", where the value may follow like behind a dash
    return out_.write_raw("? ") && write_quoted(text) && out_.write_raw("\n") && indent(column) &&
           out_.write_raw(": ");
}

bool YamlWriter::write_value(const Document &document, uint64_t index, uint32_t column,
                             After after) {
    if (document.nodes[index].kind == NodeKind::alias) {
        index = document.nodes[index].target;
    }
    const Node &node = document.nodes[index];
    const bool mapping = node.kind == NodeKind::mapping;
    if (node.is_scalar() || node.size == 0) {
        if (after == After::key && !out_.write_raw(" ")) {
            return false;
        }
        if (node.kind == NodeKind::string) {
            return write_text(node.view(), after == After::nothing ? 0 : column + k_step);
        }
        return out_.write_raw(node.is_scalar() ? node.view()
                              : mapping        ? "{}"
                                               : "[]") &&
               out_.write_raw("\n");
    }
    const uint32_t own = after == After::nothing ? 0 : column + k_step;
    frames_.push_back(
        {mapping ? node.first_entry : index + 1, node.size, own, mapping, after != After::key});
    return after != After::key || out_.write_raw("\n");
}

bool YamlWriter::write(const Document &document, uint64_t root) {
    if (!write_value(document, root, 0, After::nothing)) {
        return false;
    }
    while (!frames_.empty()) {
        Frame &frame = frames_.back();
        if (frame.left == 0) {
            frames_.pop_back();
            continue;
        }
        const uint32_t column = frame.indent;
        if (!frame.inlined && !indent(column)) {
            return false;
        }
        frame.inlined = false;
        --frame.left;
        uint64_t value = frame.next;
        After after = After::dash;
        if (frame.mapping) {
            const Entry entry = document.entries[frame.next++];
            value = entry.value;
            if (!write_key(document.nodes[entry.key].view(), column, after)) {
                return false;
            }
        } else {
            frame.next += document.nodes[value].span;
            if (!out_.write_raw("- ")) {
                return false;
            }
        }
        if (!write_value(document, value, column, after)) { // may move the frames
            return false;
        }
    }
    return true;
}

} // namespace k2s::yaml2json
