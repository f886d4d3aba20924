// SPDX-License-Identifier: MIT
/// \file
/// What `k2s config show|validate|schema` print, as data; the host renders it.
#pragma once

#include <span>

#include <nlohmann/json.hpp>

#include "config/config.hpp"

namespace k2s::core {

/// The effective tree; secrets are replaced by "(hidden)". With origins: a list of
/// {key, value, layer, origin}, one per leaf, in the order of keys.
nlohmann::ordered_json config_show(const Config &config, bool with_origins);

/// {valid, files, errors: [text…]}; `findings` is the error of load_config() or check_config().
nlohmann::ordered_json config_validation(const Config *config, const Error *findings);

/// One JSON Schema (draft-07) for a whole configuration file: the core's own and, for each service
/// and feature, the settings of that feature.
nlohmann::ordered_json config_schema(std::span<const FeatureSchema> features);

} // namespace k2s::core
