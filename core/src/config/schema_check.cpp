// SPDX-License-Identifier: MIT
#include "config/schema.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>

// valijson includes <iostream> for nothing but its error texts. The header's one effect,
// constructing the standard streams, would cost every start of every tool: let it count as included
// already.
#if defined(__GLIBCXX__) && !defined(_GLIBCXX_IOSTREAM)
#define _GLIBCXX_IOSTREAM 1
#endif
#include <istream>
#include <ostream>

// For "multipleOf" it calls C's remainder(), which would be the one reason to load libm. This one
// is found first. It is exact as that is (a long division of the mantissas), but without the sign,
// for which valijson does not ask.
namespace valijson {
inline double remainder(double value, double divisor) {
    constexpr int k_bits = std::numeric_limits<double>::digits;
    int exponent = 0;
    int last = 0;
    auto rest = static_cast<uint64_t>(std::ldexp(std::frexp(std::fabs(value), &exponent), k_bits));
    const auto by =
        static_cast<uint64_t>(std::ldexp(std::frexp(std::fabs(divisor), &last), k_bits));
    if (by == 0) {
        return std::numeric_limits<double>::quiet_NaN();
    }
    for (int at = exponent; at > last; --at) {
        rest = rest % by * 2;
    }
    const double left = exponent < last ? std::fabs(value)
                                        : std::ldexp(static_cast<double>(rest % by), last - k_bits);
    return std::min(left, std::fabs(divisor) - left);
}
} // namespace valijson

#define VALIJSON_USE_EXCEPTIONS 1 // a bad schema must not end the process

#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#endif
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#include "cli/text.hpp"
#include "config/document.hpp"

namespace k2s::core {
namespace {

using nlohmann::json;

constexpr std::size_t k_max_findings = 20;

std::string short_text(const json &value) {
    std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
    if (text.size() > 60) {
        return value.is_object()  ? "a mapping"
               : value.is_array() ? "a list"
                                  : text.substr(0, 57) + "...";
    }
    return text;
}

std::string_view type_of(const json &value) {
    switch (value.type()) {
    case json::value_t::null:
        return "null";
    case json::value_t::object:
        return "object";
    case json::value_t::array:
        return "array";
    case json::value_t::string:
        return "string";
    case json::value_t::boolean:
        return "boolean";
    case json::value_t::number_float:
        return "number";
    default:
        return "integer";
    }
}

std::string_view spoken(std::string_view type) {
    constexpr std::pair<std::string_view, std::string_view> k_words[] = {
        {"object", "a mapping"},      {"array", "a list"},       {"string", "a text"},
        {"boolean", "true or false"}, {"integer", "an integer"}, {"number", "a number"}};
    for (const auto &[name, words] : k_words) {
        if (name == type) {
            return words;
        }
    }
    return type;
}

std::string joined(const std::vector<std::string> &parts, std::string_view last) {
    std::string out;
    for (std::size_t at = 0; at < parts.size(); ++at) {
        out += at == 0 ? "" : at + 1 == parts.size() ? std::string(last) : std::string(", ");
        out += parts[at];
    }
    return out;
}

std::string suggestion(const std::string &word, const std::vector<std::string> &known) {
    const std::vector<std::string_view> views(known.begin(), known.end());
    const std::string_view close = closest(word, views);
    return close.empty() ? "" : fmt::format("; did you mean {}?", quote(close));
}

/// As messages show it: not a secret, nor what stands in its place.
std::string shown(const json &schema, const json &value, const std::string &pointer) {
    for (std::size_t end = 0; end != std::string::npos;) {
        end = pointer.find('/', end + 1);
        const json *part = schema_at(schema, pointer.substr(0, end));
        if (part != nullptr && part->is_object() && part->value("writeOnly", json()) == true) {
            return "the value";
        }
    }
    return short_text(value);
}

std::optional<std::string> check_type(const json &part, const json &value,
                                      const std::string &text) {
    const auto types = part.find("type");
    if (types == part.end()) {
        return std::nullopt;
    }
    if (schema_allows(part, type_of(value))) {
        return std::nullopt;
    }
    std::vector<std::string> words;
    for (const json &one : types->is_array() ? *types : json::array({*types})) {
        words.emplace_back(spoken(one.get<std::string>()));
    }
    return fmt::format("{} is {}; expected {}", text,
                       value.is_boolean() ? "a boolean" : spoken(type_of(value)),
                       joined(words, " or "));
}

std::optional<std::string> check_enum(const json &part, const json &value,
                                      const std::string &text) {
    const auto choices = part.find("enum");
    if (choices == part.end() ||
        std::find(choices->begin(), choices->end(), value) != choices->end()) {
        return std::nullopt;
    }
    std::vector<std::string> words;
    std::vector<std::string> texts;
    for (const json &one : *choices) {
        words.push_back(short_text(one));
        if (one.is_string()) {
            texts.push_back(one.get<std::string>());
        }
    }
    return fmt::format("{} is not possible; expected {}{}", text, joined(words, " or "),
                       value.is_string() ? suggestion(value.get<std::string>(), texts) : "");
}

std::optional<std::string> check_bounds(const json &part, const json &value,
                                        const std::string &text) {
    const auto bound = [&](const char *key) -> std::optional<double> {
        const auto found = part.find(key);
        return found != part.end() && found->is_number() ? std::optional(found->get<double>())
                                                         : std::nullopt;
    };
    if (value.is_number()) {
        const double number = value.get<double>();
        if (const auto low = bound("minimum"); low && number < *low) {
            return fmt::format("{} is too small; expected at least {}", text, *low);
        }
        if (const auto high = bound("maximum"); high && number > *high) {
            return fmt::format("{} is too large; expected at most {}", text, *high);
        }
        if (const auto low = bound("exclusiveMinimum"); low && number <= *low) {
            return fmt::format("{} is too small; expected more than {}", text, *low);
        }
        if (const auto high = bound("exclusiveMaximum"); high && number >= *high) {
            return fmt::format("{} is too large; expected less than {}", text, *high);
        }
    }
    const char *const low_key = value.is_string() ? "minLength" : "minItems";
    const char *const high_key = value.is_string() ? "maxLength" : "maxItems";
    if (value.is_string() || value.is_array()) {
        const std::string_view unit = value.is_string() ? "characters" : "items";
        const auto size = static_cast<double>(
            value.is_string() ? value.get_ref<const std::string &>().size() : value.size());
        if (const auto low = bound(low_key); low && size < *low) {
            return fmt::format("{} is too short; expected at least {} {}", text, *low, unit);
        }
        if (const auto high = bound(high_key); high && size > *high) {
            return fmt::format("{} is too long; expected at most {} {}", text, *high, unit);
        }
    }
    if (value.is_string() && part.contains("pattern")) {
        const auto about = part.find("description");
        return fmt::format("{} does not have the right form ({})", text,
                           about != part.end() && about->is_string()
                               ? about->get<std::string>()
                               : "pattern " + short_text(part["pattern"]));
    }
    return std::nullopt;
}

// Findings about the keys of an object; these name the child.
void check_keys(const json &part, const json &value, const std::string &pointer,
                std::map<std::string, std::string> &findings) {
    if (!value.is_object()) {
        return;
    }
    std::vector<std::string> known;
    if (const auto properties = part.find("properties"); properties != part.end()) {
        for (const auto &[key, unused] : properties->items()) {
            known.push_back(key);
        }
    }
    if (const auto others = part.find("additionalProperties");
        others != part.end() && *others == false && !part.contains("patternProperties")) {
        for (const auto &[key, unused] : value.items()) {
            if (std::find(known.begin(), known.end(), key) == known.end()) {
                findings[pointer_child(pointer, key)] =
                    fmt::format("unknown key{}; known here: {}", suggestion(key, known),
                                known.empty() ? "none" : joined(known, ", "));
            }
        }
    }
    if (const auto required = part.find("required"); required != part.end()) {
        for (const json &key : *required) {
            if (key.is_string() && !value.contains(key.get<std::string>())) {
                findings[pointer] =
                    fmt::format("the key {} is missing; add it", quote(key.get<std::string>()));
            }
        }
    }
}

std::string pointer_of(const std::vector<std::string> &context) {
    std::string pointer;
    for (const std::string &part : context) { // "<root>", "[log]", "[0]"
        if (part.size() >= 2 && part.front() == '[') {
            pointer = pointer_child(pointer, part.substr(1, part.size() - 2));
        }
    }
    return pointer;
}

// In words where the schema part tells enough, else as the validator says it.
void explain(const json &schema, const json &tree, const std::string &pointer,
             const std::string &description, std::map<std::string, std::string> &findings) {
    const json *part = schema_at(schema, pointer);
    const json *value = value_at(tree, pointer);
    if (part != nullptr && part->is_object() && value != nullptr) {
        const std::string as_shown = shown(schema, *value, pointer);
        for (const auto check : {check_type, check_enum, check_bounds}) {
            if (auto text = check(*part, *value, as_shown)) {
                findings[pointer] = std::move(*text);
                return;
            }
        }
        const std::size_t before = findings.size();
        check_keys(*part, *value, pointer, findings);
        if (findings.size() != before) {
            return;
        }
    }
    findings.try_emplace(pointer, description);
}

} // namespace

Result<std::vector<SchemaFinding>> check_schema(const json &schema, const json &value,
                                                const std::string &subject) {
    valijson::ValidationResults results;
    try {
        valijson::Schema parsed;
        valijson::SchemaParser parser;
        parser.populateSchema(valijson::adapters::NlohmannJsonAdapter(schema), parsed);
        valijson::Validator validator(valijson::Validator::kStrongTypes);
        if (validator.validate(parsed, valijson::adapters::NlohmannJsonAdapter(value), &results)) {
            return std::vector<SchemaFinding>{};
        }
    } catch (const std::exception &error) {
        return fail(K2S_E_CONFIG, "{}: its JSON Schema cannot be used: {}", subject, error.what());
    }
    // Each failure is reported for all values around it too: only the innermost ones say something.
    std::map<std::string, std::string> raw;
    valijson::ValidationResults::Error error;
    while (results.popError(error)) {
        raw.try_emplace(pointer_of(error.context), error.description);
    }
    std::map<std::string, std::string> findings;
    for (const auto &[pointer, description] : raw) {
        const auto below = raw.upper_bound(pointer + "/");
        const bool innermost = below == raw.end() || !below->first.starts_with(pointer + "/");
        if (innermost) {
            explain(schema, value, pointer, description, findings);
        } else if (const json *part = schema_at(schema, pointer);
                   part != nullptr && part->is_object()) {
            check_keys(*part, *value_at(value, pointer), pointer, findings);
        }
    }
    std::vector<SchemaFinding> list;
    for (auto &[pointer, text] : findings) {
        if (list.size() == k_max_findings) {
            break;
        }
        list.push_back({pointer, std::move(text)});
    }
    return list;
}

} // namespace k2s::core
