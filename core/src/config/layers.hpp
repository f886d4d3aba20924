// SPDX-License-Identifier: MIT
/// \file
/// The layers of the configuration, one function for each kind, and how they are laid over another.
#pragma once

#include <string>
#include <utility>

#include "config/config.hpp"

namespace k2s::core {

/// The mutable side of Config: load_config() and check_config() fill one and freeze it.
class ConfigBuilder {
  public:
    ConfigBuilder() = default;
    explicit ConfigBuilder(const Config &base) : config_(base) {}

    /// A file of at most 1 MiB whose root is a mapping.
    Result<void> add_file(ConfigLayer layer, const fs::path &file, const std::string &content);

    /// K2S_SECTION__KEY variables; others are passed over.
    Result<void> add_variable(const std::string &name, const std::string &value);

    /// KEY=VALUE of --set.
    Result<void> add_setting(const std::string &argument);

    /// The core's own schema and rules; also makes the effective tree.
    Result<void> check_core();

    /// The features' parts of the effective tree.
    Result<void> check_features(std::span<const FeatureSchema> features);

    ConfigPtr freeze() && { return std::make_shared<const Config>(std::move(config_)); }
    bool is_plain() const { return config_.is_plain(); }

  private:
    void lay(const nlohmann::json &from,
             const std::function<ConfigOrigin(const std::string &)> &origin);
    Result<void> add_text(const std::vector<std::string> &path, const ConfigOrigin &origin);
    void note(const std::string &pointer, std::string_view text);
    void coerce(const nlohmann::json &schema, nlohmann::json &value, const std::string &prefix,
                const std::string &second_prefix);
    void check_names(std::span<const FeatureSchema> features);
    nlohmann::json settings_for(const FeatureSchema &feature, const nlohmann::json &instance,
                                const std::string &pointer);
    void inherit_origins(const std::string &from, const std::string &to,
                         const nlohmann::json &settings);
    Result<void> verdict();

    Config config_;
    std::vector<std::string> findings_;
    std::optional<Error> broken_schema_;
};

} // namespace k2s::core
