// SPDX-License-Identifier: MIT
#include "cli/value.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include "cli/address.hpp"
#include "cli/text.hpp"
#include "util/real.hpp"
#include "util/utf8.hpp"

namespace k2s::core {
namespace {

struct Unit {
    std::string_view name;
    int64_t factor;
};

constexpr int64_t k_second = 1'000'000'000;
constexpr Unit k_time_units[] = {
    {"ns", 1},
    {"us", 1'000},
    {"µs", 1'000},
    {"ms", 1'000'000},
    {"s", k_second},
    {"m", 60 * k_second},
    {"h", 3600 * k_second},
    {"d", 86400 * k_second},
    {"w", 604800 * k_second},
};

constexpr int64_t k_ki = 1024;
constexpr Unit k_size_units[] = {
    {"", 1},
    {"B", 1},
    {"K", k_ki},
    {"KiB", k_ki},
    {"Ki", k_ki},
    {"k", k_ki},
    {"kB", 1'000},
    {"KB", 1'000},
    {"M", k_ki *k_ki},
    {"MiB", k_ki *k_ki},
    {"Mi", k_ki *k_ki},
    {"MB", 1'000'000},
    {"G", k_ki *k_ki *k_ki},
    {"GiB", k_ki *k_ki *k_ki},
    {"Gi", k_ki *k_ki *k_ki},
    {"GB", 1'000'000'000},
    {"T", k_ki *k_ki *k_ki *k_ki},
    {"TiB", k_ki *k_ki *k_ki *k_ki},
    {"Ti", k_ki *k_ki *k_ki *k_ki},
    {"TB", 1'000'000'000'000},
};

/// Takes "12", "1.5" or ".5" off `rest` and multiplies it by the unit behind it.
std::optional<int64_t> take_quantity(std::string_view &rest, std::span<const Unit> units) {
    const auto digits = std::min(rest.size(), rest.find_first_not_of("0123456789"));
    const auto whole = rest.substr(0, digits);
    rest.remove_prefix(digits);
    std::string_view fraction;
    if (!rest.empty() && rest.front() == '.') {
        rest.remove_prefix(1);
        const auto count = std::min(rest.size(), rest.find_first_not_of("0123456789"));
        fraction = rest.substr(0, count);
        rest.remove_prefix(count);
    }
    if (whole.empty() && fraction.empty()) {
        return std::nullopt;
    }
    const auto end = std::min(rest.size(), rest.find_first_of(".0123456789"));
    const auto name = rest.substr(0, end);
    const auto unit = std::find_if(units.begin(), units.end(),
                                   [name](const Unit &each) { return each.name == name; });
    if (unit == units.end()) {
        return std::nullopt;
    }
    rest.remove_prefix(end);

    int64_t value = 0;
    if (!whole.empty() &&
        std::from_chars(whole.data(), whole.data() + whole.size(), value).ec != std::errc()) {
        return std::nullopt;
    }
    if (__builtin_mul_overflow(value, unit->factor, &value)) {
        return std::nullopt;
    }
    // Digit by digit in integers; what is below one unit of the result is cut off.
    int64_t scale = unit->factor;
    for (const char digit : fraction) {
        const int64_t rest_of_scale = scale % 10;
        scale /= 10;
        if (__builtin_add_overflow(
                value, scale * (digit - '0') + rest_of_scale * (digit - '0') / 10, &value)) {
            return std::nullopt;
        }
    }
    return value;
}

/// Go's integer flags: decimal or 0x…, with a sign.
std::optional<int64_t> parse_integer(std::string_view text) {
    const bool negative = text.starts_with('-');
    if (negative || text.starts_with('+')) {
        text.remove_prefix(1);
    }
    const bool hex = text.starts_with("0x") || text.starts_with("0X");
    if (hex) {
        text.remove_prefix(2);
    }
    uint64_t value = 0;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), value, hex ? 16 : 10);
    constexpr uint64_t k_most = std::numeric_limits<int64_t>::max();
    if (text.empty() || error != std::errc() || end != text.data() + text.size() ||
        value > k_most + (negative ? 1 : 0)) {
        return std::nullopt;
    }
    return static_cast<int64_t>(negative ? 0 - value : value);
}

std::string_view expectation(ValueType type) {
    switch (type) {
    case ValueType::boolean:
        return "true or false";
    case ValueType::string:
        return "UTF-8 text without NUL";
    case ValueType::integer:
        return "a whole number of at most 64 bits";
    case ValueType::real:
        return "a number such as 0.5";
    case ValueType::path:
        return "a path that is not empty";
    case ValueType::duration:
        return "a duration such as 500ms, 1m30s or 7d";
    case ValueType::size:
        return "a size such as 512, 64KiB or 10M";
    case ValueType::cidr:
        return "a network such as 172.20.0.0/16 or fd00::/8";
    case ValueType::url:
        return "a URL such as http://proxy.example:8080";
    case ValueType::choice:
        return "one of the choices";
    case ValueType::address:
        return "host:port such as 127.0.0.1:8181, [::1]:8181 or :8181";
    }
    return "a value";
}

std::unexpected<Error> wrong(ValueType type, std::string_view text) {
    return fail(K2S_E_USAGE, "{} is not {}", quote(text), expectation(type));
}

template <class T>
Result<Scalar> scalar(ValueType type, std::string_view text, std::optional<T> v) {
    if (!v) {
        return wrong(type, text);
    }
    return Scalar(*v);
}

Result<Scalar> choose(std::span<const std::string> choices, std::string_view text) {
    if (std::find(choices.begin(), choices.end(), text) != choices.end()) {
        return Scalar(std::string(text));
    }
    std::string list;
    std::vector<std::string_view> words;
    for (const auto &choice : choices) {
        list += list.empty() ? "" : ", ";
        list += choice;
        words.push_back(choice);
    }
    const auto suggestion = closest(text, words);
    return fail(K2S_E_USAGE, "{} is not one of {}{}", quote(text), list,
                suggestion.empty() ? "" : fmt::format("; did you mean \"{}\"?", suggestion));
}

} // namespace

std::optional<bool> parse_bool(std::string_view text) {
    static constexpr std::string_view k_true[] = {"1", "t", "T", "true", "TRUE", "True"};
    static constexpr std::string_view k_false[] = {"0", "f", "F", "false", "FALSE", "False"};
    if (std::find(std::begin(k_true), std::end(k_true), text) != std::end(k_true)) {
        return true;
    }
    if (std::find(std::begin(k_false), std::end(k_false), text) != std::end(k_false)) {
        return false;
    }
    return std::nullopt;
}

std::optional<int64_t> parse_duration(std::string_view text) {
    if (text == "0") {
        return 0; // as in Go, the only number that needs no unit
    }
    if (text.empty()) {
        return std::nullopt;
    }
    int64_t total = 0;
    while (!text.empty()) {
        const auto part = take_quantity(text, k_time_units);
        if (!part || __builtin_add_overflow(total, *part, &total)) {
            return std::nullopt;
        }
    }
    return total;
}

std::optional<int64_t> parse_size(std::string_view text) {
    const auto size = take_quantity(text, k_size_units);
    return text.empty() ? size : std::nullopt;
}

Result<Scalar> convert(ValueType type, std::span<const std::string> choices,
                       std::string_view text) {
    if (text.find('\0') != std::string_view::npos) {
        return wrong(type, text);
    }
    const auto when = [&](bool valid) -> Result<Scalar> {
        if (!valid) {
            return wrong(type, text);
        }
        return Scalar(std::string(text));
    };
    switch (type) {
    case ValueType::boolean:
        return scalar(type, text, parse_bool(text));
    case ValueType::integer:
        return scalar(type, text, parse_integer(text));
    case ValueType::real:
        return scalar(type, text, parse_real(text));
    case ValueType::duration:
        return scalar(type, text, parse_duration(text));
    case ValueType::size:
        return scalar(type, text, parse_size(text));
    case ValueType::path:
        return when(!text.empty()); // bytes: file names need not be UTF-8
    case ValueType::cidr:
        return when(is_cidr(text));
    case ValueType::url:
        return when(valid_utf8(text) && is_url(text));
    case ValueType::address:
        return when(is_address(text));
    case ValueType::choice:
        return choose(choices, text);
    case ValueType::string:
        return when(valid_utf8(text));
    }
    return wrong(type, text);
}

Result<Item> convert_default(const Option &option, const nlohmann::json &value) {
    const auto mismatch = [&](std::string_view expected) {
        return fail(K2S_E_CONFIG, "expected {}, found {}", expected, quote(value.dump()));
    };
    switch (option.type) {
    case ValueType::boolean:
        if (!value.is_boolean()) {
            return mismatch("true or false");
        }
        return Item{value.get<bool>(), value.get<bool>() ? "true" : "false"};
    case ValueType::integer:
        if (!value.is_number_integer() ||
            (value.is_number_unsigned() &&
             value.get<uint64_t>() > std::numeric_limits<int64_t>::max())) {
            return mismatch("a whole number");
        }
        return Item{value.get<int64_t>(), value.dump()};
    case ValueType::real:
        if (!value.is_number()) {
            return mismatch("a number");
        }
        return Item{value.get<double>(), value.dump()};
    default:
        break;
    }
    if (!value.is_string()) {
        return mismatch("a string");
    }
    const auto &text = value.get_ref<const std::string &>();
    if (text.empty() && option.type != ValueType::choice) {
        const bool is_number = option.type == ValueType::duration || option.type == ValueType::size;
        return Item{is_number ? Scalar(int64_t{0}) : Scalar(std::string()), {}};
    }
    auto converted = convert(option.type, option.choices, text);
    if (!converted) {
        return fail(K2S_E_CONFIG, "{}", converted.error().message);
    }
    return Item{std::move(*converted), text};
}

} // namespace k2s::core
