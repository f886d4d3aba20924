// SPDX-License-Identifier: MIT
#include "scalar.hpp"

#include <algorithm>
#include <vector>

namespace k2s::yaml2json {
namespace {

constexpr size_t k_max_radix_digits = 4096;

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

bool is_hex_digit(char c) noexcept {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

size_t skip_digits(std::string_view text, size_t i) noexcept {
    while (i < text.size() && is_digit(text[i])) {
        ++i;
    }
    return i;
}

bool one_of(std::string_view text, std::string_view a, std::string_view b,
            std::string_view c) noexcept {
    return text == a || text == b || text == c;
}

bool is_true(std::string_view text) noexcept {
    return one_of(text, "true", "True", "TRUE");
}
bool is_false(std::string_view text) noexcept {
    return one_of(text, "false", "False", "FALSE");
}

bool is_yaml11_true(std::string_view text) noexcept {
    return one_of(text, "yes", "Yes", "YES") || one_of(text, "on", "On", "ON");
}

bool is_yaml11_false(std::string_view text) noexcept {
    return one_of(text, "no", "No", "NO") || one_of(text, "off", "Off", "OFF");
}

// The end of [eE][-+]?[0-9]+ at `i`, `i` itself if there is no exponent, npos if it is broken.
size_t skip_exponent(std::string_view text, size_t i) noexcept {
    if (i == text.size() || (text[i] != 'e' && text[i] != 'E')) {
        return i;
    }
    ++i;
    if (i < text.size() && (text[i] == '-' || text[i] == '+')) {
        ++i;
    }
    const size_t end = skip_digits(text, i);
    return end == i ? std::string_view::npos : end;
}

ScalarType classify_number(std::string_view text) noexcept {
    size_t i = 0;
    if (text[0] == '0' && text.size() > 2 && (text[1] == 'x' || text[1] == 'o')) {
        const auto digits = text.substr(2);
        const bool all = text[1] == 'x'
                             ? std::all_of(digits.begin(), digits.end(), is_hex_digit)
                             : digits.find_first_not_of("01234567") == std::string_view::npos;
        return all ? ScalarType::integer : ScalarType::string;
    }
    if (text[0] == '-' || text[0] == '+') {
        ++i;
    }
    const auto unsigned_text = text.substr(i);
    if (one_of(unsigned_text, ".inf", ".Inf", ".INF") ||
        (i == 0 && one_of(text, ".nan", ".NaN", ".NAN"))) {
        return ScalarType::non_finite;
    }
    const size_t whole_begin = i;
    i = skip_digits(text, i);
    const bool has_whole = i > whole_begin;
    if (has_whole && i == text.size()) {
        return ScalarType::integer;
    }
    if (i < text.size() && text[i] == '.') {
        const size_t fraction_begin = ++i;
        i = skip_digits(text, i);
        if (!has_whole && i == fraction_begin) {
            return ScalarType::string;
        }
    } else if (!has_whole) {
        return ScalarType::string;
    }
    return skip_exponent(text, i) == text.size() ? ScalarType::floating : ScalarType::string;
}

// Schoolbook conversion in base 10^9: quadratic, and short because the digits are bounded.
std::string radix_to_decimal(std::string_view digits, uint32_t radix) {
    constexpr uint64_t k_base = 1'000'000'000;
    std::vector<uint32_t> limbs{0};
    for (const char c : digits) {
        const uint32_t digit = is_digit(c) ? static_cast<uint32_t>(c - '0')
                               : c >= 'a'  ? static_cast<uint32_t>(c - 'a' + 10)
                                           : static_cast<uint32_t>(c - 'A' + 10);
        uint64_t carry = digit;
        for (uint32_t &limb : limbs) {
            const uint64_t value = uint64_t{limb} * radix + carry;
            limb = static_cast<uint32_t>(value % k_base);
            carry = value / k_base;
        }
        if (carry != 0) {
            limbs.push_back(static_cast<uint32_t>(carry));
        }
    }
    std::string decimal = std::to_string(limbs.back());
    for (size_t i = limbs.size() - 1; i-- > 0;) {
        const std::string part = std::to_string(limbs[i]);
        decimal.append(9 - part.size(), '0').append(part);
    }
    return decimal;
}

} // namespace

ScalarType classify(std::string_view text, bool yaml11_booleans) noexcept {
    if (text.empty()) {
        return ScalarType::null;
    }
    switch (text[0]) {
    case '~':
        return text.size() == 1 ? ScalarType::null : ScalarType::string;
    case 'n':
    case 'N':
        if (one_of(text, "null", "Null", "NULL")) {
            return ScalarType::null;
        }
        break;
    case 't':
    case 'T':
    case 'f':
    case 'F':
        return is_true(text) || is_false(text) ? ScalarType::boolean : ScalarType::string;
    case '-':
    case '+':
    case '.':
        return classify_number(text);
    default:
        if (is_digit(text[0])) {
            return classify_number(text);
        }
        break;
    }
    if (yaml11_booleans && (is_yaml11_true(text) || is_yaml11_false(text))) {
        return ScalarType::boolean;
    }
    return ScalarType::string;
}

bool boolean_value(std::string_view text) noexcept {
    return is_true(text) || is_yaml11_true(text);
}

bool is_json_number(std::string_view text) noexcept {
    size_t i = text.starts_with('-') ? 1 : 0;
    const size_t whole_begin = i;
    i = skip_digits(text, i);
    if (i == whole_begin || (text[whole_begin] == '0' && i - whole_begin > 1)) {
        return false;
    }
    if (i < text.size() && text[i] == '.') {
        const size_t fraction_begin = ++i;
        i = skip_digits(text, i);
        if (i == fraction_begin) {
            return false;
        }
    }
    return skip_exponent(text, i) == text.size();
}

std::optional<std::string> json_number(std::string_view text) {
    if (text.starts_with("0x") || text.starts_with("0o")) {
        const auto digits = text.substr(2);
        if (digits.size() > k_max_radix_digits) {
            return std::nullopt;
        }
        return radix_to_decimal(digits, text[1] == 'x' ? 16 : 8);
    }
    std::string number;
    size_t i = 0;
    if (text[0] == '-' || text[0] == '+') {
        if (text[0] == '-') {
            number.push_back('-');
        }
        ++i;
    }
    size_t end = skip_digits(text, i);
    while (end - i > 1 && text[i] == '0') {
        ++i;
    }
    if (end == i) {
        number.push_back('0');
    }
    number.append(text.substr(i, end - i));
    if (end < text.size() && text[end] == '.') {
        const size_t fraction_begin = end + 1;
        end = skip_digits(text, fraction_begin);
        number.push_back('.');
        if (end == fraction_begin) {
            number.push_back('0'); // "1." stays a float
        }
        number.append(text.substr(fraction_begin, end - fraction_begin));
    }
    number.append(text.substr(end));
    return number;
}

} // namespace k2s::yaml2json
