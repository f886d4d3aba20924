// SPDX-License-Identifier: MIT
#include "base/json.hpp"

#include <set>

namespace k2s::image {
namespace {

constexpr int k_max_depth = 32;

} // namespace

Result<Json> parse_object(std::string_view text, std::string_view what) {
    if (text.size() > k_max_document) {
        return fail(K2S_E_FAILED, "the {} has {} bytes, more than the limit of {}", what,
                    text.size(), k_max_document);
    }
    std::vector<std::set<std::string>> keys;
    std::string problem;
    const auto watch = [&](int depth, Json::parse_event_t event, Json &parsed) {
        if (depth > k_max_depth && problem.empty()) {
            problem = fmt::format("nests deeper than {} levels", k_max_depth);
        }
        if (event == Json::parse_event_t::object_start) {
            keys.emplace_back();
        } else if (event == Json::parse_event_t::object_end) {
            keys.pop_back();
        } else if (event == Json::parse_event_t::key) {
            const auto &key = parsed.get_ref<const std::string &>();
            if (!keys.back().insert(key).second && problem.empty()) {
                problem = fmt::format("has the key '{:.60}' twice", key);
            }
        }
        return problem.empty();
    };
    try {
        Json document = Json::parse(text.begin(), text.end(), watch);
        if (!problem.empty()) {
            return fail(K2S_E_FAILED, "the {} {}", what, problem);
        }
        if (!document.is_object()) {
            return fail(K2S_E_FAILED, "the {} is no JSON object", what);
        }
        return document;
    } catch (const Json::exception &wrong) {
        return fail(K2S_E_FAILED, "the {} is no valid JSON: {}", what, wrong.what());
    }
}

const Json *Fields::find(const char *name) const {
    const auto at = object_.find(name);
    return at == object_.end() || at->is_null() ? nullptr : &*at;
}

void Fields::wrong(std::string message) {
    if (!error_) {
        error_ = Error{K2S_E_FAILED, fmt::format("the {}: {}", what_, message)};
    }
}

std::string Fields::text(const char *name, bool required) {
    const Json *value = find(name);
    if (value == nullptr || !value->is_string()) {
        if (value != nullptr || required) {
            wrong(fmt::format("'{}' {}", name, value == nullptr ? "is missing" : "is no string"));
        }
        return {};
    }
    return value->get<std::string>();
}

uint64_t Fields::size(const char *name) {
    const Json *value = find(name);
    if (value == nullptr || !value->is_number_unsigned() ||
        value->get<uint64_t>() > static_cast<uint64_t>(INT64_MAX)) {
        wrong(fmt::format("'{}' is no size", name));
        return 0;
    }
    return value->get<uint64_t>();
}

std::vector<std::string> Fields::texts(const char *name) {
    std::vector<std::string> texts;
    if (const Json *items = array(name)) {
        for (const Json &item : *items) {
            if (!item.is_string()) {
                wrong(fmt::format("'{}' holds something that is no string", name));
                break;
            }
            texts.push_back(item.get<std::string>());
        }
    }
    return texts;
}

std::map<std::string, std::string> Fields::map(const char *name) {
    std::map<std::string, std::string> result;
    if (const Json *items = object(name)) {
        for (const auto &[key, item] : items->items()) {
            if (!item.is_string()) {
                wrong(fmt::format("'{}' holds something that is no string", name));
                break;
            }
            result[key] = item.get<std::string>();
        }
    }
    return result;
}

const Json *Fields::object(const char *name, bool required) {
    const Json *value = find(name);
    if (value == nullptr ? required : !value->is_object()) {
        wrong(fmt::format("'{}' {}", name, value == nullptr ? "is missing" : "is no object"));
        return nullptr;
    }
    return value;
}

const Json *Fields::array(const char *name, bool required) {
    const Json *value = find(name);
    if (value == nullptr ? required : !value->is_array()) {
        wrong(fmt::format("'{}' {}", name, value == nullptr ? "is missing" : "is no list"));
        return nullptr;
    }
    return value;
}

} // namespace k2s::image
