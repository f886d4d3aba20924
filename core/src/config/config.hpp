// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "util/directories.hpp"
#include "util/result.hpp"

namespace k2s::core {

/// The layers in rising order: a later one wins.
enum class ConfigLayer : uint8_t { defaults, system, user, file, environment, command_line };

std::string_view layer_name(ConfigLayer layer);

/// Who said so.
struct ConfigOrigin {
    ConfigLayer layer = ConfigLayer::defaults;
    std::string source;  ///< file, variable name, or the --set argument; empty for defaults
    uint32_t line = 0;   ///< files only, from 1
    uint32_t column = 0; ///< files only, from 1
    std::string text;    ///< environment and --set: the value as it was written

    /// "/etc/k2s/k2s.yaml:3:7", "environment K2S_LOG__LEVEL", "--set log.level=debug", "default"
    std::string describe() const;
};

/// A feature as the manifest declares it. `schema` may be null: the feature has no settings then.
struct FeatureSchema {
    std::string id;
    std::string plugin;
    nlohmann::json schema;
    bool service = false; ///< only a service can have instances
};

/// The effective configuration at one moment: never changes; a reload makes another one.
/// [any-thread]
class Config {
  public:
    using OriginMap = std::map<std::string, ConfigOrigin, std::less<>>;

    /// The value at a JSON pointer, defaults applied; nullptr when there is none.
    const nlohmann::json *find(std::string_view pointer) const;

    /// The whole tree, defaults applied.
    const nlohmann::json &tree() const;

    /// What files, environment and command line said, without defaults.
    const nlohmann::json &given() const { return given_; }

    /// Nothing was said anywhere: all values are the defaults. No file was parsed.
    bool is_plain() const { return given_.empty(); }

    /// Who set the value at `pointer`; of its nearest parent with an origin when it has none
    /// itself.
    ConfigOrigin origin(std::string_view pointer) const;

    /// Whether a layer above the defaults gave the value at `pointer` or a part of it.
    bool given_at(std::string_view pointer) const;

    /// Files that were read, in rising order of precedence.
    const std::vector<std::string> &files() const { return files_; }

    /// Values that must not be shown: `writeOnly` in a feature's schema. Known after
    /// check_config().
    bool is_secret(std::string_view pointer) const;

    /// The settings that a service instance gets: schema defaults < features.<id>.settings <
    /// services.<instance>.settings. nullptr for an unknown instance. Complete after
    /// check_config().
    const nlohmann::json *service_settings(std::string_view instance) const;

    /// The settings of a feature that is not a service: schema defaults < features.<id>.settings.
    /// nullptr when the configuration does not mention the feature: check_settings() with an empty
    /// object gives the defaults then.
    const nlohmann::json *feature_settings(std::string_view feature) const;

  private:
    friend class ConfigBuilder;

    nlohmann::json given_ = nlohmann::json::object();
    OriginMap origins_;
    std::vector<std::string> files_;
    std::set<std::string, std::less<>> secrets_;
    nlohmann::json tree_; ///< with defaults; empty as long as nothing is given
};

using ConfigPtr = std::shared_ptr<const Config>;

struct LoadOptions {
    std::string file;                    ///< --config FILE; must exist. Empty: none
    std::vector<std::string> set;        ///< --set KEY=VALUE, in the order given
    bool machine_files = true;           ///< false: neither the system's nor the user's file
    bool environment = true;             ///< false: no K2S_ variables
    const Surroundings *where = nullptr; ///< nullptr: Surroundings::real()
    /// For tests: instead of the process environment.
    std::optional<std::vector<std::pair<std::string, std::string>>> variables;
};

/// Reads and merges all layers and checks the core's own part (log, admin, limits, and the form of
/// plugins, features and services). Without any file or setting it costs a few failed opens.
///
/// K2S_SECTION__KEY=value sets /section/key: two underscores separate levels, names become lower
/// case, and a key of a lower layer that differs only in '-' for '_' is meant. A K2S_ variable
/// without two underscores is not configuration. Values of variables and of --set are JSON when
/// they parse as such, else text; `null` takes back what lower layers said. A key of --set is a
/// dotted path
/// (`\.` for a dot in a name) or a JSON pointer.
///
/// Errors are K2S_E_CONFIG (K2S_E_USAGE for a malformed --set, K2S_E_NOT_FOUND for a missing
/// --config file), one line per finding: `origin: /json/pointer: what; expected; remedy`.
Result<ConfigPtr> load_config(const LoadOptions &options);

/// Checks the features' parts against their schemas and returns the snapshot with the schemas'
/// defaults applied. Unknown plugins and features are errors with a suggestion.
Result<ConfigPtr> check_config(const ConfigPtr &config, std::span<const FeatureSchema> features);

/// One feature's settings checked alone, defaults applied: for settings that a command line gave.
/// `subject` stands for the origin in messages ("httpproxy: command line").
Result<nlohmann::json> check_settings(const FeatureSchema &feature, nlohmann::json settings,
                                      const std::string &subject);

/// Pointers whose effective values differ, at most two levels deep ("/log/level",
/// "/services/proxy"): what a reload has to look at.
std::vector<std::string> config_changes(const Config &before, const Config &after);

} // namespace k2s::core
