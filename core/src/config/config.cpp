// SPDX-License-Identifier: MIT
#include "config/config.hpp"

#include <algorithm>

#include <boost/filesystem/operations.hpp>

#include "config/core_schema.hpp"
#include "config/document.hpp"
#include "config/layers.hpp"
#include "config/schema.hpp"
#include "util/environment.hpp"
#include "util/read_file.hpp"

namespace k2s::core {
namespace {

using nlohmann::json;

constexpr std::size_t k_max_file = 1024 * 1024;

// At most one of the names in a folder: two would leave open which one counts.
Result<void> add_machine_file(ConfigBuilder &builder, ConfigLayer layer,
                              const std::vector<fs::path> &candidates) {
    boost::system::error_code error;
    if (candidates.empty() || !fs::is_directory(candidates.front().parent_path(), error)) {
        return {};
    }
    std::optional<fs::path> taken;
    for (const fs::path &file : candidates) {
        auto content = read_file_if_exists(file, k_max_file);
        if (!content) {
            return pass(content);
        }
        if (!*content) {
            continue;
        }
        if (taken) {
            return fail(K2S_E_CONFIG, "{} and {} both exist; keep one of them", path_text(*taken),
                        path_text(file));
        }
        taken = file;
        if (auto added = builder.add_file(layer, file, **content); !added) {
            return added;
        }
    }
    return {};
}

Result<void> add_layers(ConfigBuilder &builder, const LoadOptions &options) {
    const Surroundings &where = options.where != nullptr ? *options.where : Surroundings::real();
    if (options.machine_files) {
        auto added = add_machine_file(builder, ConfigLayer::system, system_config_files(where));
        if (added && !where.privileged) {
            added = add_machine_file(builder, ConfigLayer::user, user_config_files(where));
        }
        if (!added) {
            return added;
        }
    }
    if (!options.file.empty()) {
        const fs::path file = path_from_utf8(options.file);
        auto content = read_file(file, k_max_file);
        if (!content) {
            return std::unexpected(
                Error{content.error().code, "--config: " + content.error().message});
        }
        if (auto added = builder.add_file(ConfigLayer::file, file, *content); !added) {
            return added;
        }
    }
    if (options.environment && (options.variables || environment_is_trusted())) {
        const auto variables =
            options.variables ? *options.variables : environment_with_prefix("K2S_");
        for (const auto &[name, value] : variables) {
            if (auto added = builder.add_variable(name, value); !added) {
                return added;
            }
        }
    }
    for (const std::string &argument : options.set) {
        if (auto added = builder.add_setting(argument); !added) {
            return added;
        }
    }
    return builder.check_core();
}

void compare(const json &before, const json &after, const std::string &pointer, int levels,
             std::vector<std::string> &changed) {
    if (before == after) {
        return;
    }
    if (levels == 0 || !before.is_object() || !after.is_object()) {
        changed.push_back(pointer);
        return;
    }
    static const json absent;
    for (const auto &[key, value] : before.items()) {
        const auto other = after.find(key);
        compare(value, other == after.end() ? absent : *other, pointer_child(pointer, key),
                levels - 1, changed);
    }
    for (const auto &[key, value] : after.items()) {
        if (!before.contains(key)) {
            changed.push_back(pointer_child(pointer, key));
        }
    }
}

} // namespace

std::string_view layer_name(ConfigLayer layer) {
    switch (layer) {
    case ConfigLayer::defaults:
        return "default";
    case ConfigLayer::system:
        return "system";
    case ConfigLayer::user:
        return "user";
    case ConfigLayer::file:
        return "file";
    case ConfigLayer::environment:
        return "environment";
    case ConfigLayer::command_line:
        return "command line";
    }
    return "unknown";
}

std::string ConfigOrigin::describe() const {
    switch (layer) {
    case ConfigLayer::defaults:
        return "default";
    case ConfigLayer::environment:
        return "environment " + source;
    case ConfigLayer::command_line:
        return "--set " + source;
    default:
        return line == 0 ? source : fmt::format("{}:{}:{}", source, line, column);
    }
}

const json &Config::tree() const {
    return is_plain() ? core_defaults() : tree_;
}

const json *Config::find(std::string_view pointer) const {
    return value_at(tree(), pointer);
}

ConfigOrigin Config::origin(std::string_view pointer) const {
    // A default inside a section that a file mentions is still a default, but a wrong or missing
    // key is best looked for where its section stands.
    for (std::string_view at = pointer; !at.empty(); at = at.substr(0, at.rfind('/'))) {
        if (const auto found = origins_.find(at); found != origins_.end()) {
            return found->second;
        }
    }
    return {};
}

bool Config::given_at(std::string_view pointer) const {
    return origins_.contains(pointer);
}

bool Config::is_secret(std::string_view pointer) const {
    return secrets_.contains(pointer);
}

const json *Config::service_settings(std::string_view instance) const {
    return find(pointer_child(pointer_child("/services", instance), "settings"));
}

const json *Config::feature_settings(std::string_view feature) const {
    return find(pointer_child(pointer_child("/features", feature), "settings"));
}

Result<ConfigPtr> load_config(const LoadOptions &options) {
    ConfigBuilder builder;
    if (auto done = add_layers(builder, options); !done) {
        return pass(done);
    }
    return std::move(builder).freeze();
}

Result<ConfigPtr> check_config(const ConfigPtr &config, std::span<const FeatureSchema> features) {
    if (config->is_plain()) {
        return config;
    }
    ConfigBuilder builder(*config);
    if (auto done = builder.check_features(features); !done) {
        return pass(done);
    }
    return std::move(builder).freeze();
}

std::vector<std::string> config_changes(const Config &before, const Config &after) {
    std::vector<std::string> changed;
    compare(before.tree(), after.tree(), "", 2, changed);
    std::sort(changed.begin(), changed.end());
    return changed;
}

} // namespace k2s::core
