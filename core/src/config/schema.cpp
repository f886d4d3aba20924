// SPDX-License-Identifier: MIT
#include "config/schema.hpp"

#include <algorithm>

#include "cli/text.hpp"
#include "config/document.hpp"

namespace k2s::core {
namespace {

using nlohmann::json;

constexpr int k_max_depth =
    96; // more than any document has: stops schemas that refer to themselves

const json *member(const json &object, const char *key) {
    if (!object.is_object()) {
        return nullptr;
    }
    const auto found = object.find(key);
    return found == object.end() ? nullptr : &*found;
}

// A local reference ("#/definitions/port") leads to its target; anything else stays.
const json &resolve(const json &root, const json &part) {
    const json *at = &part;
    for (int hops = 0; hops < k_max_depth; ++hops) {
        const json *ref = member(*at, "$ref");
        if (ref == nullptr || !ref->is_string()) {
            return *at;
        }
        const auto text = ref->get<std::string>();
        const json *target = text.starts_with('#') ? value_at(root, text.substr(1)) : nullptr;
        if (target == nullptr) {
            return *at;
        }
        at = target;
    }
    return *at;
}

const json *child_schema(const json &root, const json &part, const json &value,
                         const std::string &key) {
    if (value.is_array()) {
        const json *items = member(part, "items");
        return items != nullptr && items->is_object() ? &resolve(root, *items) : nullptr;
    }
    if (const json *properties = member(part, "properties")) {
        if (const json *found = member(*properties, key.c_str())) {
            return &resolve(root, *found);
        }
    }
    const json *others = member(part, "additionalProperties");
    return others != nullptr && others->is_object() ? &resolve(root, *others) : nullptr;
}

void visit_part(const json &root, const json &part, json &value, const std::string &pointer,
                const SchemaVisitor &visit, int depth) {
    if (depth > k_max_depth) {
        return;
    }
    visit(pointer, part, value);
    if (!value.is_structured()) {
        return;
    }
    for (auto item = value.begin(); item != value.end(); ++item) {
        const std::string key =
            value.is_object() ? item.key() : std::to_string(item - value.begin());
        if (const json *below = child_schema(root, part, value, key)) {
            visit_part(root, *below, *item, pointer_child(pointer, key), visit, depth + 1);
        }
    }
}

} // namespace

std::vector<std::string> pointer_parts(std::string_view pointer) {
    std::vector<std::string> parts;
    while (!pointer.empty()) {
        pointer.remove_prefix(1);
        const std::size_t end = std::min(pointer.find('/'), pointer.size());
        std::string part;
        for (std::size_t at = 0; at < end; ++at) {
            if (pointer[at] == '~' && at + 1 < end &&
                (pointer[at + 1] == '0' || pointer[at + 1] == '1')) {
                part += pointer[++at] == '0' ? '~' : '/';
            } else {
                part += pointer[at];
            }
        }
        parts.push_back(std::move(part));
        pointer.remove_prefix(end);
    }
    return parts;
}

const json *value_at(const json &tree, std::string_view pointer) {
    if (!pointer.empty() && pointer.front() != '/') {
        return nullptr;
    }
    const json *at = &tree;
    for (const std::string &part : pointer_parts(pointer)) {
        if (at->is_object()) {
            at = member(*at, part.c_str());
        } else if (at->is_array() && !part.empty() && part.size() < 9 &&
                   part.find_first_not_of("0123456789") == std::string::npos &&
                   std::stoul(part) < at->size()) {
            at = &(*at)[std::stoul(part)];
        } else {
            return nullptr;
        }
        if (at == nullptr) {
            return nullptr;
        }
    }
    return at;
}

const json *schema_at(const json &schema, std::string_view pointer) {
    const json *part = &resolve(schema, schema);
    for (const std::string &key : pointer_parts(pointer)) {
        const bool item = schema_allows(*part, "array") && member(*part, "items") != nullptr;
        part = child_schema(schema, *part, item ? json::array() : json::object(), key);
        if (part == nullptr) {
            return nullptr;
        }
    }
    return part;
}

bool schema_allows(const json &part, std::string_view type) {
    const json *types = member(part, "type");
    if (types == nullptr) {
        return true;
    }
    const auto matches = [&](const json &one) {
        return one.is_string() && (one == type || (type == "integer" && one == "number"));
    };
    if (types->is_array()) {
        return std::any_of(types->begin(), types->end(), matches);
    }
    return matches(*types);
}

void visit_schema(const json &schema, json &value, const SchemaVisitor &visit) {
    visit_part(schema, resolve(schema, schema), value, "", visit, 0);
}

void apply_defaults(const json &schema, json &value) {
    // Defaults are added on the way down, so that those inside a default are seen as well.
    visit_schema(schema, value, [&](const std::string &, const json &part, json &at) {
        const json *properties = member(part, "properties");
        if (!at.is_object() || properties == nullptr || !properties->is_object()) {
            return;
        }
        for (const auto &[key, below] : properties->items()) {
            const json *fallback = member(resolve(schema, below), "default");
            if (fallback != nullptr && !at.contains(key)) {
                at[key] = *fallback;
            }
        }
    });
}

} // namespace k2s::core
