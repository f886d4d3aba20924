// SPDX-License-Identifier: MIT
#include "cli/render_yaml.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string_view>

#include <fmt/format.h>

#include "cli/text.hpp"
#include "util/utf8.hpp"

namespace k2s::core {
namespace {

using nlohmann::ordered_json;

// YAML 1.2.2 section 7.4.2: an implicit key has 1024 characters at most.
constexpr std::size_t k_max_implicit_key = 1024;

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// Words that YAML 1.1 or 1.2 resolve to something else than a string.
bool is_reserved_word(std::string_view text) {
    static constexpr std::string_view k_words[] = {"null", "true", "false", "yes", "no",
                                                   "on",   "off",  "y",     "n"};
    return std::any_of(std::begin(k_words), std::end(k_words), [text](std::string_view word) {
        return std::equal(text.begin(), text.end(), word.begin(), word.end(), [](char a, char b) {
            return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
        });
    });
}

/// Stricter than YAML, so that every parser agrees: starts with a letter, a slash or an underscore,
/// and has nothing that could be an indicator.
bool is_plain(std::string_view text) {
    if (text.empty() || is_reserved_word(text) || text.back() == ' ' ||
        !(is_letter(text.front()) || text.front() == '/' || text.front() == '_')) {
        return false;
    }
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const bool is_safe = is_letter(c) || is_digit(c) ||
                             std::string_view(" _-./@+=%()\\").find(c) != std::string_view::npos;
        const bool is_colon = c == ':' && i + 1 < text.size() && text[i + 1] != ' ';
        if (!is_safe && !is_colon) {
            return false;
        }
    }
    return true;
}

/// Not to be put into the output as it is: controls, line separators, the byte order mark and
/// bidirectional marks.
bool needs_escape(char32_t c) {
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029 || c == 0xFEFF ||
           (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0xFFFE ||
           c == 0xFFFF;
}

std::string double_quoted(std::string_view text) {
    std::string result = "\"";
    while (!text.empty()) {
        const auto before = text;
        const char32_t c = next_character(text);
        const auto bytes = before.substr(0, before.size() - text.size());
        if (c == '"' || c == '\\') {
            result += '\\';
            result += static_cast<char>(c);
        } else if (c == '\n') {
            result += "\\n";
        } else if (c == '\t') {
            result += "\\t";
        } else if (c == '\r') {
            result += "\\r";
        } else if (needs_escape(c)) {
            fmt::format_to(std::back_inserter(result), "\\u{:04x}", static_cast<uint32_t>(c));
        } else if (c == 0xFFFD) {
            result += "\xEF\xBF\xBD"; // also for bytes that are not UTF-8
        } else {
            result += bytes;
        }
    }
    result += '"';
    return result;
}

/// Several lines that a literal block holds without any escape; not with blanks at a line's end,
/// which editors drop.
bool is_block(std::string_view text) {
    if (text.find('\n') == std::string_view::npos || text.front() == ' ' || text.front() == '\n' ||
        text.ends_with("\n\n") || text.ends_with(' ') ||
        text.find(" \n") != std::string_view::npos || !valid_utf8(text)) {
        return false;
    }
    while (!text.empty()) {
        const char32_t c = next_character(text);
        if (c != '\n' && needs_escape(c)) {
            return false;
        }
    }
    return true;
}

std::string real(double value) {
    if (std::isnan(value)) {
        return ".nan";
    }
    if (std::isinf(value)) {
        return value < 0 ? "-.inf" : ".inf";
    }
    auto text = fmt::format("{}", value);
    if (text.find_first_of(".e") == std::string::npos) {
        text += ".0"; // stays a float
    } else if (const auto e = text.find('e');
               e != std::string::npos && text.find('.') == std::string::npos) {
        text.insert(e, ".0"); // YAML 1.1 wants the point
    }
    return text;
}

bool is_nested(const ordered_json &value) {
    return value.is_structured() && !value.empty();
}

class Emitter {
  public:
    /// `value` at `indent`; the first line continues the present one.
    void node(const ordered_json &value, std::size_t indent) {
        if (!is_nested(value)) {
            scalar(value, indent);
        } else if (value.is_object()) {
            mapping(value, indent);
        } else {
            sequence(value, indent);
        }
    }

    std::string take() { return std::move(out_); }

  private:
    void start_line(std::size_t indent, bool is_first) {
        if (!is_first) {
            out_.append(indent, ' ');
        }
    }

    void mapping(const ordered_json &value, std::size_t indent) {
        bool is_first = true;
        for (const auto &[key, member] : value.items()) {
            start_line(indent, is_first);
            is_first = false;
            const auto text = is_plain(key) ? key : double_quoted(key);
            if (text.size() > k_max_implicit_key) {
                out_ += "? ";
                out_ += text;
                out_ += '\n';
                out_.append(indent, ' ');
            } else {
                out_ += text;
            }
            out_ += ':';
            below(member, indent);
        }
    }

    void sequence(const ordered_json &value, std::size_t indent) {
        bool is_first = true;
        for (const auto &item : value) {
            start_line(indent, is_first);
            is_first = false;
            out_ += "- ";
            node(item, indent + 2);
        }
    }

    /// The value behind "key:".
    void below(const ordered_json &value, std::size_t indent) {
        if (is_nested(value)) {
            out_ += '\n';
            out_.append(indent + 2, ' ');
            node(value, indent + 2);
        } else {
            out_ += ' ';
            scalar(value, indent + 2);
        }
    }

    void scalar(const ordered_json &value, std::size_t indent) {
        if (value.is_string()) {
            string(value.get_ref<const std::string &>(), indent);
        } else if (value.is_number_float()) {
            out_ += real(value.get<double>());
        } else {
            out_ += value.dump(); // null, booleans, integers, {} and []
        }
        if (!out_.ends_with('\n')) {
            out_ += '\n';
        }
    }

    void string(const std::string &text, std::size_t indent) {
        if (is_plain(text)) {
            out_ += text;
        } else if (is_block(text)) {
            block(text, std::max<std::size_t>(indent, 2));
        } else {
            out_ += double_quoted(text);
        }
    }

    void block(std::string_view text, std::size_t indent) {
        const bool ends_line = text.back() == '\n';
        out_ += ends_line ? "|\n" : "|-\n";
        if (ends_line) {
            text.remove_suffix(1);
        }
        for (;;) {
            const auto end = text.find('\n');
            const auto line = text.substr(0, end);
            if (!line.empty()) {
                out_.append(indent, ' ');
                out_ += line;
            }
            out_ += '\n';
            if (end == std::string_view::npos) {
                return;
            }
            text.remove_prefix(end + 1);
        }
    }

    std::string out_;
};

} // namespace

std::string render_yaml(const ordered_json &data) {
    Emitter emitter;
    emitter.node(data, 0);
    return emitter.take();
}

} // namespace k2s::core
