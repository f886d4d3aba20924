// SPDX-License-Identifier: MIT
#include "json_check.hpp"

#include <algorithm>
#include <vector>

#include "scalar.hpp"

namespace k2s::yaml2json {
namespace {

constexpr std::string_view k_blanks = " \t\r\n";

class Checker {
  public:
    explicit Checker(std::string_view text) : text_{text} {}

    std::optional<JsonFault> run() {
        while (!fault_) {
            at_ = std::min(text_.find_first_not_of(k_blanks, at_), text_.size());
            if (at_ == text_.size()) {
                if (!open_.empty() || (expected_ != Expected::end && begun_)) {
                    fail(at_, "the JSON value ends too early");
                }
                break;
            }
            begun_ = true;
            step(text_[at_]);
        }
        return fault_;
    }

  private:
    enum class Expected : uint8_t { value, value_or_close, key, key_or_close, colon, comma, end };

    void fail(size_t offset, std::string_view reason) { fault_ = {offset, reason}; }

    void step(char c) {
        switch (expected_) {
        case Expected::end:
            return fail(at_,
                        "a JSON value ends before this; begin the next one in a line of its own");
        case Expected::colon:
            if (c != ':') {
                return fail(at_, "a colon is expected behind the key");
            }
            ++at_;
            expected_ = Expected::value;
            return;
        case Expected::comma:
            if (c == ',') {
                comma_ = at_++;
                expected_ = open_.back() ? Expected::key : Expected::value;
                return;
            }
            if (c == (open_.back() ? '}' : ']')) {
                return close();
            }
            return fail(at_,
                        open_.back() ? "a comma or '}' is expected" : "a comma or ']' is expected");
        case Expected::key:
        case Expected::key_or_close:
            if (c == '}') {
                return expected_ == Expected::key_or_close ? close() : fail_comma();
            }
            if (c != '"') {
                return fail(at_, "JSON has its keys in double quotes");
            }
            string();
            expected_ = Expected::colon;
            return;
        case Expected::value_or_close:
        case Expected::value:
            if (c == ']' && !open_.empty() && !open_.back()) {
                return expected_ == Expected::value_or_close ? close() : fail_comma();
            }
            return value(c);
        }
    }

    void fail_comma() { fail(comma_, "nothing follows this comma; leave it out"); }

    void close() {
        ++at_;
        open_.pop_back();
        ended();
    }

    void ended() { expected_ = open_.empty() ? Expected::end : Expected::comma; }

    void value(char c) {
        if (c == '{' || c == '[') {
            open_.push_back(c == '{');
            ++at_;
            expected_ = c == '{' ? Expected::key_or_close : Expected::value_or_close;
            return;
        }
        if (c == '"') {
            string();
            return ended();
        }
        const size_t end = std::min(text_.find_first_of(" \t\r\n,:[]{}\"", at_), text_.size());
        const auto word = text_.substr(at_, end - at_);
        if (word != "true" && word != "false" && word != "null" && !is_json_number(word)) {
            return fail(at_, open_.empty()
                                 ? "this is no JSON value: -reverse reads JSON"
                                 : "this is no JSON value; a text has to stand in double quotes");
        }
        at_ = end;
        ended();
    }

    void string() {
        for (++at_; at_ < text_.size(); ++at_) {
            const char c = text_[at_];
            if (c == '"') {
                ++at_;
                return;
            }
            if (static_cast<unsigned char>(c) < ' ') {
                return fail(at_,
                            "JSON has control characters and line breaks in a text as escapes");
            }
            if (c == '\\' && !escape()) {
                return fail(at_, "this escape is none of JSON's");
            }
        }
        fail(text_.size(), "the JSON value ends too early");
    }

    /// Leaves the place at its last character.
    bool escape() {
        const auto rest = text_.substr(at_ + 1);
        if (rest.empty() || !std::string_view{"\"\\/bfnrtu"}.contains(rest[0])) {
            return false;
        }
        if (rest[0] != 'u') {
            ++at_;
            return true;
        }
        const auto digits = rest.substr(1, 4);
        if (digits.size() != 4 ||
            digits.find_first_not_of("0123456789abcdefABCDEF") != digits.npos) {
            return false;
        }
        at_ += 5;
        return true;
    }

    std::string_view text_;
    size_t at_ = 0;
    size_t comma_ = 0; ///< the last one
    bool begun_ = false;
    Expected expected_ = Expected::value;
    std::vector<bool> open_; ///< true: an object
    std::optional<JsonFault> fault_;
};

} // namespace

std::optional<JsonFault> check_json(std::string_view text) {
    return Checker{text}.run();
}

} // namespace k2s::yaml2json
