// SPDX-License-Identifier: MIT
#include "quoted.hpp"

#include <charconv>
#include <cstdint>

#include "unicode.hpp"

namespace k2s::yaml2json {
namespace {

bool is_blank(char c) noexcept {
    return c == ' ' || c == '\t';
}

class Decoder {
  public:
    Decoder(std::string_view raw, std::string &text) : raw_{raw}, text_{text} {}

    bool run() {
        while (at_ < raw_.size()) {
            const char c = raw_[at_];
            if (c == '\\') {
                ++at_;
                if (!escape()) {
                    return false;
                }
                kept_ = text_.size();
            } else if (skip_break()) {
                text_.resize(kept_); // blanks before a line break do not count
                if (!append_empty_lines()) {
                    text_.push_back(' ');
                }
                kept_ = text_.size();
            } else {
                text_.push_back(c);
                ++at_;
                if (!is_blank(c)) {
                    kept_ = text_.size();
                }
            }
        }
        return true;
    }

  private:
    bool skip_break() noexcept {
        if (at_ == raw_.size() || (raw_[at_] != '\n' && raw_[at_] != '\r')) {
            return false;
        }
        at_ += raw_.substr(at_).starts_with("\r\n") ? 2 : 1;
        return true;
    }

    void skip_blanks() noexcept {
        while (at_ < raw_.size() && is_blank(raw_[at_])) {
            ++at_;
        }
    }

    // Behind a line break: each empty line is a line feed, and the next line's indent goes.
    bool append_empty_lines() {
        bool any = false;
        skip_blanks();
        while (skip_break()) {
            text_.push_back('\n');
            any = true;
            skip_blanks();
        }
        return any;
    }

    bool hex(size_t digits, char32_t &value) noexcept {
        uint32_t number = 0;
        const std::string_view part = raw_.substr(at_, digits);
        const auto result = std::from_chars(part.data(), part.data() + part.size(), number, 16);
        if (part.size() != digits || result.ptr != part.data() + digits) {
            return false;
        }
        at_ += digits;
        value = number;
        return true;
    }

    bool code_point(size_t digits) {
        char32_t value = 0;
        if (!hex(digits, value)) {
            return false;
        }
        if (value >= 0xD800 && value <= 0xDBFF) { // JSON writes the others as a pair
            char32_t low = 0;
            if (!raw_.substr(at_).starts_with("\\u")) {
                return false;
            }
            at_ += 2;
            if (!hex(4, low) || low < 0xDC00 || low > 0xDFFF) {
                return false;
            }
            value = 0x10000 + ((value - 0xD800) << 10) + (low - 0xDC00);
        }
        if (value > 0x10FFFF || (value >= 0xDC00 && value <= 0xDFFF)) {
            return false;
        }
        append_utf8(text_, value);
        return true;
    }

    bool escape() {
        if (skip_break()) {
            append_empty_lines();
            return true;
        }
        if (at_ == raw_.size()) {
            return false;
        }
        switch (const char c = raw_[at_++]) {
        case '0':
            text_.push_back('\0');
            return true;
        case 'a':
            text_.push_back('\a');
            return true;
        case 'b':
            text_.push_back('\b');
            return true;
        case 't':
            text_.push_back('\t');
            return true;
        case 'n':
            text_.push_back('\n');
            return true;
        case 'v':
            text_.push_back('\v');
            return true;
        case 'f':
            text_.push_back('\f');
            return true;
        case 'r':
            text_.push_back('\r');
            return true;
        case 'e':
            text_.push_back('\x1b');
            return true;
        case 'N':
            append_utf8(text_, 0x85);
            return true;
        case '_':
            append_utf8(text_, 0xA0);
            return true;
        case 'L':
            append_utf8(text_, 0x2028);
            return true;
        case 'P':
            append_utf8(text_, 0x2029);
            return true;
        case 'x':
            return code_point(2);
        case 'u':
            return code_point(4);
        case 'U':
            return code_point(8);
        case ' ':
        case '\t':
        case '"':
        case '/':
        case '\\':
            text_.push_back(c);
            return true;
        default:
            return false;
        }
    }

    std::string_view raw_;
    std::string &text_;
    size_t at_ = 0;
    size_t kept_ = 0; ///< of text_: what a following line break must not trim
};

} // namespace

bool decode_double_quoted(std::string_view raw, std::string &text) {
    text.clear();
    return Decoder{raw, text}.run();
}

} // namespace k2s::yaml2json
