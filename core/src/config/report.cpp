// SPDX-License-Identifier: MIT
#include "config/report.hpp"

#include "config/core_schema.hpp"
#include "config/document.hpp"

namespace k2s::core {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr const char *k_hidden = "(hidden)";

ordered_json visible(const Config &config, const json &value, const std::string &pointer) {
    if (config.is_secret(pointer)) {
        return k_hidden;
    }
    if (!value.is_structured()) {
        return value;
    }
    ordered_json out = value.is_object() ? ordered_json::object() : ordered_json::array();
    for (auto item = value.begin(); item != value.end(); ++item) {
        if (value.is_object()) {
            out[item.key()] = visible(config, *item, pointer_child(pointer, item.key()));
        } else {
            const auto index = static_cast<std::size_t>(item - value.begin());
            out.push_back(visible(config, *item, pointer_child(pointer, std::to_string(index))));
        }
    }
    return out;
}

// "log.level" as --set takes it: dots and backslashes inside a key are escaped.
std::string dotted(const std::string &outer, const std::string &key) {
    std::string out = outer.empty() ? "" : outer + ".";
    for (const char c : key) {
        out += c == '.' || c == '\\' ? std::string("\\") + c : std::string(1, c);
    }
    return out;
}

void add_leaves(const Config &config, const json &value, const std::string &pointer,
                const std::string &key, ordered_json &out) {
    if (value.is_object() && !value.empty() && !config.is_secret(pointer)) {
        for (const auto &[name, item] : value.items()) {
            add_leaves(config, item, pointer_child(pointer, name), dotted(key, name), out);
        }
        return;
    }
    // Lists are leaves: one layer gives the whole list.
    const bool given = config.given_at(pointer);
    const ConfigOrigin origin = given ? config.origin(pointer) : ConfigOrigin{};
    ordered_json row = ordered_json::object();
    row["key"] = key;
    row["value"] = visible(config, value, pointer);
    row["layer"] = layer_name(origin.layer);
    row["origin"] = origin.describe();
    out.push_back(std::move(row));
}

ordered_json no_settings() {
    return {{"type", "object"}, {"additionalProperties", false}};
}

// A feature's schema refers to parts of itself ("#/definitions/port"), which now lie deeper.
void rebase_references(ordered_json &schema, const std::string &place) {
    if (!schema.is_structured()) {
        return;
    }
    for (auto item = schema.begin(); item != schema.end(); ++item) {
        if (schema.is_object() && item.key() == "$ref" && item->is_string() &&
            item->get_ref<const std::string &>().starts_with('#')) {
            *item = place + item->get<std::string>().substr(1);
        } else {
            rebase_references(*item, place);
        }
    }
}

} // namespace

ordered_json config_show(const Config &config, bool with_origins) {
    if (!with_origins) {
        return visible(config, config.tree(), "");
    }
    ordered_json out = ordered_json::array();
    for (const auto &[key, value] : config.tree().items()) {
        add_leaves(config, value, pointer_child("", key), dotted("", key), out);
    }
    return out;
}

ordered_json config_validation(const Config *config, const Error *findings) {
    ordered_json out = ordered_json::object();
    out["valid"] = findings == nullptr;
    out["files"] = ordered_json::array();
    if (config != nullptr) {
        for (const std::string &file : config->files()) {
            out["files"].push_back(file);
        }
    }
    out["errors"] = ordered_json::array();
    std::string_view rest =
        findings != nullptr ? std::string_view(findings->message) : std::string_view();
    while (!rest.empty()) {
        const std::size_t end = rest.find('\n');
        out["errors"].push_back(std::string(rest.substr(0, end)));
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    }
    return out;
}

ordered_json config_schema(std::span<const FeatureSchema> features) {
    ordered_json out = core_schema();
    out["definitions"] = ordered_json::object();
    // Only now: adding a key to an ordered object moves the others.
    ordered_json &definitions = out["definitions"];
    ordered_json &properties = out["properties"];
    const ordered_json plugin = properties["plugins"]["additionalProperties"];
    const ordered_json feature_entry = properties["features"]["additionalProperties"];
    ordered_json rules = ordered_json::array();
    for (const FeatureSchema &feature : features) {
        properties["plugins"]["properties"][feature.plugin] = plugin;
        ordered_json settings =
            feature.schema.is_null() ? no_settings() : ordered_json(feature.schema);
        const std::string place = pointer_child("#/definitions", feature.id);
        rebase_references(settings, place);
        // What a service must have may come from its own settings or from the feature's.
        settings.erase("required");
        settings.erase("$schema");
        definitions[feature.id] = std::move(settings);
        ordered_json entry = feature_entry;
        entry["properties"]["settings"] = {{"$ref", place}};
        properties["features"]["properties"][feature.id] = std::move(entry);
        if (feature.service) {
            ordered_json rule = ordered_json::object();
            rule["if"] = {{"properties", {{"feature", {{"const", feature.id}}}}},
                          {"required", ordered_json::array({"feature"})}};
            rule["then"] = {{"properties", {{"settings", {{"$ref", place}}}}}};
            rules.push_back(std::move(rule));
        }
    }
    if (!rules.empty()) {
        properties["services"]["additionalProperties"]["allOf"] = std::move(rules);
    }
    properties["features"]["additionalProperties"] = false;
    properties["plugins"]["additionalProperties"] = false;
    return out;
}

} // namespace k2s::core
