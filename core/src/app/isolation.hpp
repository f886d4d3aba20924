// SPDX-License-Identifier: MIT
/// \file
/// Which plugins and features run in a worker, and with what rights. `said` is what the
/// configuration says of a plugin or feature, or nullptr.
#pragma once

#include <chrono>
#include <functional>

#include <nlohmann/json.hpp>

#include "isolation/limits.hpp"
#include "lifecycle/plugin.hpp"

namespace k2s::core {

/// "process" or "none".
Place to_place(const nlohmann::json &word);

Place plugin_place(const nlohmann::json *said, const Manifest &manifest);

/// The feature's own word wins over its plugin's, the configuration's over the manifest's.
Place feature_place(const nlohmann::json *said, const nlohmann::json *said_of_plugin,
                    const Manifest &manifest, const Feature &feature);

/// One that is not trusted may do little, unless the configuration says otherwise.
isolation::WorkerLimits worker_limits(const nlohmann::json *said, bool trusted);

struct WorkerRules {
    boost::filesystem::path program;
    std::function<std::chrono::milliseconds()> create_time;
    std::function<isolation::WorkerLimits(const Manifest &)> limits;
};
LoadCode worker_loader(WorkerRules rules);

} // namespace k2s::core
