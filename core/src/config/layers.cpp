// SPDX-License-Identifier: MIT
#include "config/layers.hpp"

#include <algorithm>

#include "cli/text.hpp"
#include "config/document.hpp"
#include "config/schema.hpp"
#include "util/utf8.hpp"

namespace k2s::core {
namespace {

using nlohmann::json;

constexpr int k_max_depth = 64;
constexpr std::string_view k_prefix = "K2S_";

// A name of the environment cannot hold '-' and has no case: the same letters and digits are
// enough.
std::string folded(std::string_view key) {
    std::string out;
    for (const char c : key) {
        if (c >= 'A' && c <= 'Z') {
            out += static_cast<char>(c + 32);
        } else {
            out += c == '-' ? '_' : c;
        }
    }
    return out;
}

std::string existing_key(const json *object, const std::string &wanted) {
    if (object != nullptr && object->is_object() && !object->contains(wanted)) {
        for (const auto &[key, unused] : object->items()) {
            if (folded(key) == wanted) {
                return key;
            }
        }
    }
    return wanted;
}

// JSON when it is JSON of a sane depth, else the text itself.
json parse_value(const std::string &text) {
    bool too_deep = false;
    const auto watch = [&](int depth, json::parse_event_t, json &) {
        too_deep = too_deep || depth > k_max_depth;
        return !too_deep;
    };
    json value = json::parse(text, watch, false);
    return value.is_discarded() || too_deep ? json(text) : value;
}

void forget(Config::OriginMap &origins, const std::string &pointer) {
    origins.erase(pointer);
    const std::string below = pointer + "/";
    auto at = origins.lower_bound(below);
    while (at != origins.end() && at->first.starts_with(below)) {
        at = origins.erase(at);
    }
}

// RFC 7396 with two differences: a null in the lowest layer counts too, and each leaf keeps its
// origin.
void lay_over(json &into, const json &from, const std::string &pointer, Config::OriginMap &origins,
              const std::function<ConfigOrigin(const std::string &)> &origin) {
    for (const auto &[key, value] : from.items()) {
        const std::string child = pointer_child(pointer, key);
        if (value.is_null()) {
            into.erase(key);
            forget(origins, child);
            continue;
        }
        if (!value.is_object() || !into.contains(key) || !into[key].is_object()) {
            forget(origins, child);
            into[key] = value.is_object() ? json::object() : value;
        }
        origins[child] = origin(child);
        if (value.is_object()) {
            lay_over(into[key], value, child, origins, origin);
        }
    }
}

// Positions inside a list help to find its wrong item.
void add_item_origins(const Document &document, Config::OriginMap &origins, const json &tree,
                      const std::string &pointer,
                      const std::function<ConfigOrigin(const std::string &)> &origin) {
    if (!tree.is_structured()) {
        return;
    }
    for (auto item = tree.begin(); item != tree.end(); ++item) {
        const std::string child = pointer_child(
            pointer, tree.is_object() ? item.key() : std::to_string(item - tree.begin()));
        if (document.positions.contains(child) && !item->is_null() &&
            (tree.is_array() || !origins.contains(child))) {
            origins[child] = origin(child);
        }
        add_item_origins(document, origins, *item, child, origin);
    }
}

std::vector<std::string> split_dotted(std::string_view text) {
    std::vector<std::string> parts(1);
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '\\' && at + 1 < text.size() &&
            (text[at + 1] == '.' || text[at + 1] == '\\')) {
            parts.back() += text[++at];
        } else if (text[at] == '.') {
            parts.emplace_back();
        } else {
            parts.back() += text[at];
        }
    }
    return parts;
}

bool usable_path(const std::vector<std::string> &path) {
    return !path.empty() && path.size() <= static_cast<std::size_t>(k_max_depth) &&
           std::none_of(path.begin(), path.end(),
                        [](const std::string &part) { return part.empty() || !valid_utf8(part); });
}

} // namespace

void ConfigBuilder::lay(const json &from,
                        const std::function<ConfigOrigin(const std::string &)> &origin) {
    lay_over(config_.given_, from, "", config_.origins_, origin);
}

Result<void> ConfigBuilder::add_file(ConfigLayer layer, const fs::path &file,
                                     const std::string &content) {
    const std::string name = path_text(file);
    const DocumentSyntax syntax =
        file.extension() == ".json" ? DocumentSyntax::json : DocumentSyntax::yaml;
    auto document = parse_document(content, name, syntax);
    if (!document) {
        return pass(document);
    }
    if (!document->tree.is_object()) {
        return fail(K2S_E_CONFIG,
                    "{}:1:1: a configuration is a mapping of sections such as log and "
                    "services, not a single value or a list",
                    name);
    }
    const auto origin = [&](const std::string &pointer) {
        const auto found = document->positions.find(pointer);
        const Position place = found == document->positions.end() ? Position{} : found->second;
        return ConfigOrigin{layer, name, place.line, place.column, {}};
    };
    lay(document->tree, origin);
    add_item_origins(*document, config_.origins_, document->tree, "", origin);
    config_.files_.push_back(name);
    return {};
}

Result<void> ConfigBuilder::add_text(const std::vector<std::string> &path,
                                     const ConfigOrigin &origin) {
    if (!valid_utf8(origin.text)) {
        return fail(K2S_E_CONFIG, "{}: the value is not UTF-8 text", origin.describe());
    }
    json tree = parse_value(origin.text);
    for (auto part = path.rbegin(); part != path.rend(); ++part) {
        json outer = json::object();
        outer[*part] = std::move(tree);
        tree = std::move(outer);
    }
    lay(tree, [&](const std::string &) { return origin; });
    return {};
}

Result<void> ConfigBuilder::add_variable(const std::string &name, const std::string &value) {
    if (!name.starts_with(k_prefix) || name.find("__") == std::string::npos) {
        return {};
    }
    std::vector<std::string> path;
    const json *at = &config_.given_;
    std::string_view rest = std::string_view(name).substr(k_prefix.size());
    for (bool more = true; more;) {
        const std::size_t end = rest.find("__");
        more = end != std::string_view::npos;
        path.push_back(existing_key(at, folded(rest.substr(0, end))));
        at = at != nullptr && at->is_object() && at->contains(path.back()) ? &(*at)[path.back()]
                                                                           : nullptr;
        rest.remove_prefix(more ? end + 2 : rest.size());
    }
    const ConfigOrigin origin{ConfigLayer::environment, lossy_utf8(name), 0, 0, value};
    if (!usable_path(path)) {
        return fail(K2S_E_CONFIG, "{}: a level of the name is empty; write K2S_SECTION__KEY",
                    origin.describe());
    }
    return add_text(path, origin);
}

Result<void> ConfigBuilder::add_setting(const std::string &argument) {
    const std::size_t equals = argument.find('=');
    const std::string key = argument.substr(0, equals);
    const auto path = key.starts_with('/') ? pointer_parts(key) : split_dotted(key);
    if (equals == std::string::npos || !usable_path(path)) {
        return fail(K2S_E_USAGE, "--set {}: write KEY=VALUE with a key such as log.level",
                    quote(key));
    }
    // The key alone: the value may be a secret, and messages show where it came from.
    return add_text(
        path, {ConfigLayer::command_line, lossy_utf8(key), 0, 0, argument.substr(equals + 1)});
}

} // namespace k2s::core
