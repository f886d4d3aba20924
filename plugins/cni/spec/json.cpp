// SPDX-License-Identifier: MIT
#include "spec/json.hpp"

#include <algorithm>

#include "common/text.hpp"

namespace k2s::cni {
namespace {

constexpr std::size_t k_longest = 4 << 20;
constexpr int k_deepest = 64;
constexpr std::size_t k_quoted = 80;

/// Depth is looked at before parsing: what nests too deep must not reach recursive code.
bool too_deep(std::string_view text) {
    int depth = 0;
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quoted) {
            i += c == '\\' ? 1 : 0;
            quoted = c != '"';
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            if (++depth > k_deepest) {
                return true;
            }
        } else if (c == '}' || c == ']') {
            --depth;
        }
    }
    return false;
}

std::unexpected<Failure> wrong(std::string_view name, const Json &value, std::string_view wanted) {
    std::string shown = value.dump(-1, ' ', false, Json::error_handler_t::replace);
    if (shown.size() > k_quoted) {
        shown.resize(k_quoted);
        shown += "…";
    }
    return fail(k_bad_config, "\"{}\" is {}, but has to be {}", name, shown, wanted);
}

} // namespace

Result<Json> parse_json(std::string_view text, std::string_view what) {
    if (text.size() > k_longest) {
        return fail(k_decoding_failure, "{} is longer than {} MiB", what, k_longest >> 20);
    }
    if (too_deep(text)) {
        return fail(k_decoding_failure, "{} nests deeper than {} levels", what, k_deepest);
    }
    try {
        Json parsed = Json::parse(text);
        if (!parsed.is_object()) {
            return fail(k_decoding_failure, "{} is no JSON object", what);
        }
        return parsed;
    } catch (const Json::exception &caught) {
        return std::unexpected(
            Failure{k_decoding_failure, fmt::format("{} is no valid JSON", what), caught.what()});
    }
}

const Json *member(const Json &object, std::string_view name) {
    if (!object.is_object()) {
        return nullptr;
    }
    auto found = object.find(name);
    if (found == object.end()) {
        for (found = object.begin(); found != object.end(); ++found) {
            if (iequals(found.key(), name)) {
                break;
            }
        }
    }
    return found == object.end() || found->is_null() ? nullptr : &*found;
}

Result<std::string> text_member(const Json &object, std::string_view name,
                                std::string_view otherwise) {
    const Json *value = member(object, name);
    if (value == nullptr) {
        return std::string(otherwise);
    }
    return value->is_string() ? Result<std::string>(value->get<std::string>())
                              : wrong(name, *value, "a text");
}

Result<bool> flag_member(const Json &object, std::string_view name) {
    const Json *value = member(object, name);
    if (value == nullptr) {
        return false;
    }
    return value->is_boolean() ? Result<bool>(value->get<bool>())
                               : wrong(name, *value, "true or false");
}

Result<std::optional<int64_t>> integer_member(const Json &object, std::string_view name) {
    const Json *value = member(object, name);
    if (value == nullptr) {
        return std::nullopt;
    }
    if (!value->is_number_integer() ||
        (value->is_number_unsigned() && value->get<uint64_t>() > INT64_MAX)) {
        return wrong(name, *value, "a whole number");
    }
    return value->get<int64_t>();
}

Result<std::vector<std::string>> texts_member(const Json &object, std::string_view name) {
    std::vector<std::string> texts;
    if (const Json *value = member(object, name)) {
        if (!value->is_array() ||
            !std::ranges::all_of(*value, [](const Json &item) { return item.is_string(); })) {
            return wrong(name, *value, "a list of texts");
        }
        texts = value->get<std::vector<std::string>>();
    }
    return texts;
}

Result<std::optional<Address>> address_member(const Json &object, std::string_view name) {
    const Json *value = member(object, name);
    if (value == nullptr || (value->is_string() && value->get_ref<const std::string &>().empty())) {
        return std::nullopt;
    }
    const auto parsed =
        value->is_string() ? Address::parse(value->get_ref<const std::string &>()) : std::nullopt;
    if (!parsed) {
        return wrong(name, *value, "an IP address");
    }
    return parsed;
}

Result<std::optional<Prefix>> prefix_member(const Json &object, std::string_view name) {
    const Json *value = member(object, name);
    if (value == nullptr) {
        return std::nullopt;
    }
    const auto parsed =
        value->is_string() ? Prefix::parse(value->get_ref<const std::string &>()) : std::nullopt;
    if (!parsed) {
        return wrong(name, *value, "a network in CIDR notation");
    }
    return parsed;
}

Result<Json> object_member(const Json &object, std::string_view name) {
    const Json *value = member(object, name);
    if (value == nullptr) {
        return Json::object();
    }
    return value->is_object() ? Result<Json>(*value) : wrong(name, *value, "an object");
}

Result<Json> array_member(const Json &object, std::string_view name) {
    const Json *value = member(object, name);
    if (value == nullptr) {
        return Json::array();
    }
    return value->is_array() ? Result<Json>(*value) : wrong(name, *value, "a list");
}

} // namespace k2s::cni
