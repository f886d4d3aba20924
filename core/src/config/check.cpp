// SPDX-License-Identifier: MIT
// What the layers gave, against the core's schema and the features' ones.
#include <algorithm>

#include "cli/text.hpp"
#include "config/core_schema.hpp"
#include "config/document.hpp"
#include "config/layers.hpp"
#include "config/schema.hpp"
#include "log/level.hpp"

namespace k2s::core {
namespace {

using nlohmann::json;

const json *member(const json &object, const char *key) {
    const auto found = object.find(key);
    return found == object.end() ? nullptr : &*found;
}

bool usable_name(std::string_view name) {
    return !name.empty() && name.size() <= 63 && name.front() != '-' && name.front() != '.' &&
           std::all_of(name.begin(), name.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
                      c == '.';
           });
}

// Read-only, but still nobody else's business: only this machine may ask.
bool is_loopback_address(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) {
        return false;
    }
    const std::string_view host = text.substr(0, colon);
    const std::string_view port = text.substr(colon + 1);
    return (host == "localhost" || host == "[::1]" || host.starts_with("127.")) && !port.empty() &&
           port.size() <= 5 && port.find_first_not_of("0123456789") == std::string_view::npos;
}

const FeatureSchema *find_feature(std::span<const FeatureSchema> features, std::string_view id) {
    const auto found = std::find_if(features.begin(), features.end(),
                                    [&](const FeatureSchema &one) { return one.id == id; });
    return found == features.end() ? nullptr : &*found;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string_view> &known) {
    const std::string_view close = closest(word, known);
    if (!close.empty()) {
        return fmt::format("did you mean {}?", quote(close));
    }
    std::string list;
    for (const std::string_view one : known) {
        list += list.empty() ? "" : ", ";
        list += one;
    }
    return "known: " + (list.empty() ? "none" : list);
}

void merge_objects(json &into, const json &from) {
    for (const auto &[key, value] : from.items()) {
        if (value.is_object() && into.contains(key) && into[key].is_object()) {
            merge_objects(into[key], value);
        } else {
            into[key] = value;
        }
    }
}

// The schema of a feature without settings allows none.
const json &schema_of(const FeatureSchema &feature) {
    static const json none = {{"type", "object"}, {"additionalProperties", false}};
    return feature.schema.is_null() ? none : feature.schema;
}

std::string feature_name(const FeatureSchema &feature) {
    return fmt::format("plugin {}, feature {}", feature.plugin, feature.id);
}

// An empty `settings` of a feature: what it must have may come from the instances.
json without_required(json schema) {
    if (schema.is_object()) {
        schema.erase("required");
    }
    return schema;
}

} // namespace

void ConfigBuilder::note(const std::string &pointer, std::string_view text) {
    findings_.push_back(fmt::format("{}: {}: {}", config_.origin(pointer).describe(),
                                    pointer.empty() ? "/" : pointer, text));
}

Result<void> ConfigBuilder::verdict() {
    if (broken_schema_) {
        return std::unexpected(std::move(*broken_schema_));
    }
    if (findings_.empty()) {
        return {};
    }
    std::string text;
    for (const std::string &finding : findings_) {
        text += text.empty() ? "" : "\n";
        text += finding;
    }
    return fail(K2S_E_CONFIG, "{}", text);
}

// Variables and --set have no types: 8080 for a text is the text "8080".
void ConfigBuilder::coerce(const json &schema, json &value, const std::string &prefix,
                           const std::string &second_prefix) {
    visit_schema(schema, value, [&](const std::string &pointer, const json &part, json &at) {
        if (at.is_string() || at.is_structured() || !part.is_object() || !part.contains("type") ||
            !schema_allows(part, "string") || (at.is_boolean() && schema_allows(part, "boolean")) ||
            (at.is_number_integer() && schema_allows(part, "integer")) ||
            (at.is_number() && schema_allows(part, "number"))) {
            return;
        }
        for (const std::string &base : {prefix, second_prefix}) {
            const auto origin = config_.origins_.find(base + pointer);
            if (origin != config_.origins_.end()) {
                if (origin->second.layer >= ConfigLayer::environment) {
                    at = origin->second.text;
                }
                return;
            }
        }
    });
}

Result<void> ConfigBuilder::check_core() {
    if (config_.is_plain()) {
        return {};
    }
    coerce(core_schema(), config_.given_, "", "");
    auto wrong = check_schema(core_schema(), config_.given_, "core");
    if (!wrong) {
        return pass(wrong);
    }
    for (const SchemaFinding &finding : *wrong) {
        note(finding.pointer, finding.text);
    }
    if (!findings_.empty()) {
        return verdict();
    }
    if (const json *level = value_at(config_.given_, "/log/level"); level != nullptr) {
        const auto text = level->is_string() ? level->get<std::string>() : level->dump();
        if (auto parsed = parse_level(text); !parsed) {
            note("/log/level", parsed.error().message);
        }
    }
    if (const json *http = value_at(config_.given_, "/admin/http");
        http != nullptr && *http != "" && !is_loopback_address(http->get<std::string>())) {
        note("/admin/http", fmt::format("{} is not a loopback address with a port; use one such as "
                                        "127.0.0.1:9180 or [::1]:9180",
                                        quote(http->get<std::string>())));
    }
    if (const json *services = value_at(config_.given_, "/services"); services != nullptr) {
        for (const auto &[name, unused] : services->items()) {
            if (!usable_name(name)) {
                note(pointer_child("/services", name), "not a name for a service; use up to 63 of "
                                                       "a-z 0-9 - _ . and begin with a letter "
                                                       "or digit");
            }
        }
    }
    config_.tree_ = config_.given_;
    apply_defaults(core_schema(), config_.tree_);
    return verdict();
}

void ConfigBuilder::check_names(std::span<const FeatureSchema> features) {
    std::vector<std::string_view> ids;
    std::vector<std::string_view> plugins;
    for (const FeatureSchema &feature : features) {
        ids.push_back(feature.id);
        if (std::find(plugins.begin(), plugins.end(), feature.plugin) == plugins.end()) {
            plugins.push_back(feature.plugin);
        }
    }
    const auto check = [&](const char *section, const std::vector<std::string_view> &known,
                           std::string_view what) {
        for (const auto &[name, unused] : config_.tree_[section].items()) {
            if (std::find(known.begin(), known.end(), name) == known.end()) {
                note(pointer_child(std::string("/") + section, name),
                     fmt::format("there is no {} {}; {}", what, quote(name),
                                 did_you_mean(name, known)));
            }
        }
    };
    check("plugins", plugins, "plugin");
    check("features", ids, "feature");
    for (auto &[name, service] : config_.tree_["services"].items()) {
        const std::string pointer = pointer_child("/services", name);
        if (!service.contains("feature")) {
            service["feature"] = name;
        }
        const auto id = service["feature"].get<std::string>();
        const FeatureSchema *feature = find_feature(features, id);
        if (feature == nullptr) {
            note(pointer_child(pointer, "feature"),
                 fmt::format("there is no feature {}; {}", quote(id), did_you_mean(id, ids)));
        } else if (!feature->service) {
            note(pointer_child(pointer, "feature"),
                 fmt::format("the feature {} is a command, not a service; run it as `k2s {}`",
                             quote(id), id));
        }
    }
}

json ConfigBuilder::settings_for(const FeatureSchema &feature, const json &instance,
                                 const std::string &pointer) {
    const std::string common_pointer =
        pointer_child(pointer_child("/features", feature.id), "settings");
    const json *common = value_at(config_.given_, common_pointer);
    const bool is_common = pointer == common_pointer;
    json settings = common != nullptr && !is_common ? *common : json::object();
    merge_objects(settings, instance);
    const json &schema = schema_of(feature);
    coerce(schema, settings, pointer, common_pointer);
    auto wrong = check_schema(is_common ? without_required(schema) : schema, settings,
                              feature_name(feature));
    if (!wrong) {
        broken_schema_ = wrong.error();
        return settings;
    }
    for (const SchemaFinding &finding : *wrong) {
        const bool from_common = !config_.origins_.contains(pointer + finding.pointer) &&
                                 config_.origins_.contains(common_pointer + finding.pointer);
        if (!is_common && from_common && !finding.pointer.empty()) {
            continue; // said once, where it stands
        }
        note(pointer + finding.pointer, finding.text);
    }
    if (!is_common) {
        inherit_origins(common_pointer, pointer, settings);
    }
    apply_defaults(schema, settings);
    visit_schema(schema, settings, [&](const std::string &at, const json &part, json &) {
        if (const json *secret = part.is_object() ? member(part, "writeOnly") : nullptr;
            secret != nullptr && *secret == true) {
            config_.secrets_.insert(pointer + at);
        }
    });
    return settings;
}

// Settings that an instance has from its feature were given where the feature's stand.
void ConfigBuilder::inherit_origins(const std::string &from, const std::string &to,
                                    const json &settings) {
    Config::OriginMap inherited;
    for (auto at = config_.origins_.lower_bound(from + "/");
         at != config_.origins_.end() && at->first.starts_with(from + "/"); ++at) {
        const std::string below = at->first.substr(from.size());
        if (!config_.origins_.contains(to + below) && value_at(settings, below) != nullptr) {
            inherited.emplace(to + below, at->second);
        }
    }
    config_.origins_.merge(inherited);
}

Result<void> ConfigBuilder::check_features(std::span<const FeatureSchema> features) {
    check_names(features);
    if (!findings_.empty()) {
        return verdict();
    }
    for (auto &[id, entry] : config_.tree_["features"].items()) {
        const std::string pointer = pointer_child(pointer_child("/features", id), "settings");
        const json given = entry.contains("settings") ? entry["settings"] : json::object();
        entry["settings"] = settings_for(*find_feature(features, id), given, pointer);
    }
    for (auto &[name, service] : config_.tree_["services"].items()) {
        const std::string pointer = pointer_child(pointer_child("/services", name), "settings");
        const FeatureSchema *feature =
            find_feature(features, service["feature"].get_ref<const std::string &>());
        const json *given = value_at(config_.given_, pointer);
        service["settings"] =
            settings_for(*feature, given != nullptr ? *given : json::object(), pointer);
    }
    return verdict();
}

Result<json> check_settings(const FeatureSchema &feature, json settings,
                            const std::string &subject) {
    const json &schema = schema_of(feature);
    auto wrong = check_schema(schema, settings, feature_name(feature));
    if (!wrong) {
        return pass(wrong);
    }
    std::string text;
    for (const SchemaFinding &finding : *wrong) {
        text += fmt::format("{}{}: {}: {}", text.empty() ? "" : "\n", subject,
                            finding.pointer.empty() ? "/" : finding.pointer, finding.text);
    }
    if (!text.empty()) {
        return fail(K2S_E_CONFIG, "{}", text);
    }
    apply_defaults(schema, settings);
    return settings;
}

} // namespace k2s::core
