// SPDX-License-Identifier: MIT
/// \file
/// k2s plugin list|info|explain, k2s feature list, k2s version: what manifests tell, no code
/// loaded.
#include <algorithm>

#include "app/app.hpp"
#include "version.h"

namespace k2s::core {
namespace {

using Json = nlohmann::ordered_json;

std::string_view state_of(App &app, std::size_t index) {
    const PluginSet &plugins = app.plugins();
    const auto &candidate = plugins.candidates()[index];
    return !candidate.enabled                                              ? "disabled"
           : plugins.resolution().verdicts[index].refused.has_value()      ? "refused"
           : app.gate().problem(candidate.manifest, plugins.folder(index)) ? "untrusted"
           : quarantine_reason(candidate.manifest, plugins.folder(index))  ? "quarantined"
                                                                           : "usable";
}

Json list_plugins(App &app) {
    const PluginSet &plugins = app.plugins();
    auto list = Json::array();
    for (std::size_t i = 0; i < plugins.candidates().size(); ++i) {
        const Manifest &manifest = plugins.candidates()[i].manifest;
        list.push_back({{"id", manifest.id},
                        {"version", manifest.version},
                        {"state", state_of(app, i)},
                        {"summary", manifest.summary}});
    }
    for (const auto &broken : plugins.broken()) {
        list.push_back({{"id", broken.file},
                        {"version", ""},
                        {"state", "broken"},
                        {"summary", broken.error.message}});
    }
    return list;
}

Json list_features(const App &app, const PluginSet &plugins) {
    auto list = Json::array();
    for (const std::size_t i : plugins.resolution().order) {
        const Manifest &manifest = plugins.candidates()[i].manifest;
        for (const auto &feature : manifest.features) {
            list.push_back({{"id", feature.id},
                            {"plugin", manifest.id},
                            {"kind", feature.kind == FeatureKind::service ? "service" : "command"},
                            {"enabled", app.feature_enabled(feature.id, *app.config())},
                            {"summary", feature.summary}});
        }
    }
    return list;
}

Json describe(App &app, std::size_t index) {
    const PluginSet &plugins = app.plugins();
    const Manifest &manifest = plugins.candidates()[index].manifest;
    Json info{{"id", manifest.id},
              {"version", manifest.version},
              {"state", state_of(app, index)},
              {"summary", manifest.summary},
              {"licence", manifest.licence},
              {"abi", fmt::format("{}.{}", manifest.abi_major, manifest.abi_minor)},
              {"manifest", plugins.candidates()[index].file},
              {"privileges", manifest.privileges}};
    info["features"] = Json::array();
    for (const auto &feature : manifest.features) {
        info["features"].push_back({{"id", feature.id}, {"summary", feature.summary}});
    }
    info["commands"] = Json::array();
    for (const auto &command : manifest.commands) {
        info["commands"].push_back(
            {{"command", fmt::format("k2s {}", fmt::join(command.path, " "))},
             {"summary", command.summary}});
    }
    info["requires"] = Json::array();
    for (const auto &need : manifest.required_contracts) {
        info["requires"].push_back(
            {{"contract", need.contract}, {"version", need.version}, {"optional", need.optional}});
    }
    info["provides"] = Json::array();
    for (const auto &provided : manifest.provided_contracts) {
        info["provides"].push_back(
            {{"contract", provided.contract}, {"version", provided.version}});
    }
    return info;
}

Json versions(const PluginSet &plugins) {
    Json result{{"version", std::string(k2s_version_string)},
                {"abi", fmt::format("{}.{}", K2S_ABI_MAJOR, K2S_ABI_MINOR)}};
    result["plugins"] = Json::array();
    for (const auto &candidate : plugins.candidates()) {
        result["plugins"].push_back(
            {{"id", candidate.manifest.id}, {"version", candidate.manifest.version}});
    }
    return result;
}

} // namespace

Result<int> show_plugins(App &app) {
    const PluginSet &plugins = app.plugins();
    const auto &path = app.call().command->path;
    if (path.front() == "version") {
        return app.print(versions(plugins));
    }
    if (path.front() == "feature") {
        return app.print(list_features(app, plugins));
    }
    if (path.back() == "list") {
        return app.print(list_plugins(app));
    }
    const std::string id = app.text("id");
    const auto index = plugins.find(id);
    if (!index) {
        const auto broken = std::ranges::find_if(plugins.broken(), [&](const BrokenPlugin &one) {
            return one.file.find("/" + id + "/") != std::string::npos ||
                   one.file.find("\\" + id + "\\") != std::string::npos;
        });
        return broken != plugins.broken().end()
                   ? Result<int>(std::unexpected(broken->error))
                   : fail(K2S_E_NOT_FOUND, "there is no plugin '{}': see `k2s plugin list`", id);
    }
    if (path.back() == "info") {
        return app.print(describe(app, *index));
    }
    auto reasons = explain(plugins.candidates(), plugins.resolution(), *index);
    if (const auto why =
            quarantine_reason(plugins.candidates()[*index].manifest, plugins.folder(*index))) {
        reasons.push_back(
            fmt::format("quarantined: {} (`k2s plugin enable {}` tries it again)", *why, id));
    }
    if (const auto why =
            app.gate().problem(plugins.candidates()[*index].manifest, plugins.folder(*index))) {
        reasons.push_back(why->message);
    }
    return app.print({{"id", id}, {"state", state_of(app, *index)}, {"reasons", reasons}});
}

} // namespace k2s::core
