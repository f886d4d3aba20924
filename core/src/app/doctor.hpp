// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <set>

#include <nlohmann/json.hpp>

#include "app/app.hpp"

namespace k2s::core {

/// One thing that was looked at.
struct Finding {
    enum class State { ok, warn, fail };
    std::string check;
    State state = State::ok;
    std::string text;
    std::string remedy;
};

/// What was found, and what it was found in.
struct Examination {
    std::vector<Finding> findings;
    Result<ConfigPtr> config;                                    ///< checked
    std::map<std::string, Result<nlohmann::ordered_json>> hosts; ///< /diagnostics by name
};

/// Of this tree, user and machine; nothing is changed. [may-block]
Examination examine(App &app);

nlohmann::ordered_json to_json(const std::vector<Finding> &findings);

/// The addresses of services but those that run already, by instance.
void examine_ports(const App &app, const Config &config, const std::set<std::string> &running,
                   std::vector<Finding> &list);

/// What of the kernel or of Windows the features use.
std::vector<Finding> examine_system();

Result<int> doctor(App &app); ///< k2s doctor
Result<int> dump(App &app);   ///< k2s dump

} // namespace k2s::core
