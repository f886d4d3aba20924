// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "app/app.hpp"

namespace k2s::core {

/// Asks the running host with this name; its JSON answer. K2S_E_NOT_FOUND when none is running.
Result<nlohmann::ordered_json> call_host(App &app, const std::string &name, std::string_view method,
                                         std::string_view path);

/// The names under which hosts of this user may run: those that can be listed, and the usual one
/// (wine lists no pipes). Where the configuration says the endpoint, it is the same for all names:
/// then only the usual one.
std::vector<std::string> host_names(const App &app);

/// Lets every running host of this user look for plugins and read its configuration again; the
/// names of those that did. The first error when one could not follow.
Result<std::vector<std::string>> tell_hosts(App &app);

/// For results: "none", or the names.
std::string follower_text(const std::vector<std::string> &names);

} // namespace k2s::core
