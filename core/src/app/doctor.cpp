// SPDX-License-Identifier: MIT
/// \file
/// k2s doctor: what is wrong here, and what to do about it.
#include "app/doctor.hpp"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <set>

#include <boost/filesystem/operations.hpp>

#include "app/host_client.hpp"
#include "util/directories.hpp"
#include "util/log_root.hpp"
#include "util/path.hpp"

namespace k2s::core {
namespace {

using State = Finding::State;

constexpr std::int64_t k_soon = 30 * 86400;
constexpr std::size_t k_most_findings = 32; // of one plugin
constexpr auto k_end_deadline = std::chrono::seconds(5);

void examine_tree(App &app, std::vector<Finding> &list) {
    bool whole = true;
    for (const auto &file : {app.tree().worker, app.tree().crypto, app.tree().archive}) {
        if (!fs::exists(file)) {
            whole = false;
            list.push_back({"tree", State::fail, fmt::format("'{}' is missing", path_text(file)),
                            "install the tree again"});
        }
    }
    if (whole) {
        list.push_back({"tree", State::ok, path_text(app.tree().root), ""});
    }
}

void examine_folder(const char *check, const Result<fs::path> &folder, const char *why,
                    std::vector<Finding> &list) {
    auto usable =
        folder ? ensure_writable_folder(*folder) : Result<void>(std::unexpected(folder.error()));
    list.push_back(usable ? Finding{check, State::ok, path_text(*folder), ""}
                          : Finding{check, State::fail, usable.error().message, why});
}

void examine_folders(App &app, std::vector<Finding> &list) {
    examine_folder(
        "state folder", state_dir(),
        "let this user write there: until then each start probes and verifies its plugins", list);
    examine_folder("run folder", run_dir(),
                   "let this user write there: without it no command reaches a running host", list);
    const auto &log = log_root(log_settings(*app.config()).root);
    list.push_back(!log ? Finding{"log folder", State::fail, log.error().message,
                                  "set log.root to a folder that this user may write to"}
                   : !log->notice.empty()
                       ? Finding{"log folder", State::warn, log->notice, "set log.root"}
                       : Finding{"log folder", State::ok, path_text(log->path), ""});
}

void examine_configuration(const Result<ConfigPtr> &checked, std::vector<Finding> &list) {
    list.push_back(checked ? Finding{"configuration", State::ok, "valid", ""}
                           : Finding{"configuration", State::fail, checked.error().message,
                                     "see `k2s config validate`"});
}

/// Returns those that can be used.
std::vector<std::size_t> examine_plugins(App &app, std::vector<Finding> &list) {
    PluginSet &plugins = app.plugins();
    for (const auto &broken : plugins.broken()) {
        list.push_back({"plugins", State::fail, broken.error.message, "install the plugin again"});
    }
    std::vector<std::size_t> good;
    for (std::size_t i = 0; i < plugins.candidates().size(); ++i) {
        const auto &[manifest, file, enabled] = plugins.candidates()[i];
        const auto &refused = plugins.resolution().verdicts[i].refused;
        if (!enabled) {
            continue;
        }
        const auto explain = fmt::format("see `k2s plugin explain {}`", manifest.id);
        if (refused) {
            list.push_back({"plugins", State::fail, refused->message, explain});
        } else if (const auto why = app.gate().problem(manifest, plugins.folder(i))) {
            list.push_back(
                {"plugins", State::fail, why->message,
                 "install it from its vendor, or trust its key: `k2s plugin trust add`"});
        } else if (const auto reason = quarantine_reason(manifest, plugins.folder(i))) {
            list.push_back(
                {"plugins", State::fail,
                 fmt::format("plugin '{}' is quarantined: {}", manifest.id, *reason),
                 fmt::format("install it again, or `k2s plugin enable {}`", manifest.id)});
        } else {
            good.push_back(i);
        }
    }
    list.push_back({"plugins", State::ok, fmt::format("{} can be used", good.size()), ""});
    return good;
}

void examine_keys(App &app, std::vector<Finding> &list) {
    const auto policy = app.gate().policy();
    const auto stores = app.gate().trust().stores();
    if (!policy || !stores) {
        const auto &why = policy ? stores.error() : policy.error();
        list.push_back({"trust", State::fail, why.message, "mend or remove that file"});
        return;
    }
    list.push_back({"trust", State::ok, fmt::format("policy {}", trust::policy_name(*policy)), ""});
    for (const auto &store : *stores) {
        for (const auto &key : store.keys) {
            const auto end = trust::end_of_day(key.expires);
            if (end && *end < std::time(nullptr) + k_soon) {
                list.push_back({"trust", State::warn,
                                fmt::format("the key {} of {} counts until {}",
                                            trust::key_id(key.key), key.owner, key.expires),
                                "ask its owner for plugins signed with a newer key"});
            }
        }
    }
}

/// What a plugin has found: "findings" of its diagnostics.
void examine_part(const std::string &plugin, const nlohmann::ordered_json &told,
                  std::vector<Finding> &list) {
    if (!told.is_object() || !told.contains("findings") || !told["findings"].is_array()) {
        return;
    }
    std::size_t count = 0;
    for (const auto &item : told["findings"]) {
        const auto text = [&](const char *name) {
            const auto at = item.is_object() ? item.find(name) : item.end();
            return at != item.end() && at->is_string() ? at->get<std::string>() : std::string();
        };
        if (++count > k_most_findings) {
            return;
        }
        const auto state = text("state");
        list.push_back({fmt::format("{}: {}", plugin, text("check")),
                        state == "ok"     ? State::ok
                        : state == "fail" ? State::fail
                                          : State::warn,
                        text("text"), text("remedy")});
    }
}

void examine_services(const nlohmann::ordered_json &state, const std::string &host,
                      std::vector<Finding> &list) {
    for (const auto &service : state.value("services", nlohmann::ordered_json::array())) {
        for (const char *ill : {"error", "unhealthy"}) {
            if (service.contains(ill)) {
                list.push_back(
                    {"hosts", State::fail,
                     fmt::format("service '{}' of host '{}': {}", service.value("instance", ""),
                                 host, service.value(ill, "")),
                     "mend that, then `k2s host reload`"});
            }
        }
    }
}

/// What the hosts of this user run, by id and by instance.
struct Running {
    std::set<std::string> plugins;
    std::set<std::string> services;
};

Running examine_hosts(const decltype(Examination::hosts) &hosts, std::vector<Finding> &list) {
    Running running;
    for (const auto &[name, told] : hosts) {
        if (!told) {
            list.push_back({"hosts", State::fail,
                            fmt::format("host '{}': {}", name, told.error().message),
                            "end and start it again"});
            continue;
        }
        const auto &state = told->at("host");
        const auto text = state.value("state", "unknown");
        list.push_back(
            {"hosts", text == "running" ? State::ok : State::warn,
             fmt::format("host '{}' is {}", name, text),
             text == "running" ? "" : fmt::format("see `k2s host status --name {}`", name)});
        examine_services(state, name, list);
        for (const auto &service : state.value("services", nlohmann::ordered_json::array())) {
            running.services.insert(service.value("instance", ""));
        }
        for (const auto &[plugin, part] : told->at("plugins").items()) {
            examine_part(plugin, part.at("diagnostics"), list);
            running.plugins.insert(plugin);
        }
    }
    return running;
}

/// Plugins that no host runs are asked in a worker, which they may crash or keep waiting; not those
/// that need another plugin's contract, which no worker gets.
void examine_parts(App &app, const std::vector<std::size_t> &usable,
                   const std::set<std::string> &asked, std::vector<Finding> &list) {
    auto &plugins = app.plugins();
    app.let_workers_stand_in();
    for (const std::size_t i : usable) {
        const Manifest &manifest = plugins.candidates()[i].manifest;
        if (asked.contains(manifest.id)) {
            continue;
        }
        const auto place = manifest.required_contracts.empty() ? Place::worker : Place::here;
        auto plugin = plugins.activate(i, place);
        auto text = plugin ? (*plugin)->diagnostics() : pass(plugin);
        const auto told = nlohmann::ordered_json::parse(text.value_or("null"), nullptr, false);
        if (!text || told.is_discarded()) {
            list.push_back(
                {"plugins", State::fail,
                 text ? fmt::format("the diagnostics of plugin '{}' are not JSON", manifest.id)
                      : text.error().message,
                 fmt::format("see `k2s plugin explain {}`", manifest.id)});
        }
        examine_part(manifest.id, told, list);
    }
    for (const auto &blocker : plugins.deactivate_all(k_end_deadline)) {
        list.push_back({"plugins", State::warn, blocker, ""});
    }
}

} // namespace

Examination examine(App &app) {
    Examination done{{}, app.load(), {}};
    for (const auto &name : host_names(app)) {
        auto told = call_host(app, name, "GET", "/diagnostics");
        if (told ||
            told.error().code != K2S_E_NOT_FOUND) { // else: the trace of one that was killed
            done.hosts.emplace(name, std::move(told));
        }
    }
    auto &list = done.findings;
    examine_tree(app, list);
    examine_folders(app, list);
    examine_configuration(done.config, list);
    const auto usable = examine_plugins(app, list);
    examine_keys(app, list);
    const auto running = examine_hosts(done.hosts, list);
    if (done.config) {
        examine_ports(app, **done.config, running.services, list);
    }
    examine_parts(app, usable, running.plugins, list);
    std::ranges::move(examine_system(), std::back_inserter(list));
    return done;
}

nlohmann::ordered_json to_json(const std::vector<Finding> &findings) {
    constexpr std::string_view k_states[] = {"ok", "warn", "fail"};
    auto list = nlohmann::ordered_json::array();
    for (const auto &[check, state, text, remedy] : findings) {
        list.push_back({{"check", check},
                        {"state", k_states[static_cast<std::size_t>(state)]},
                        {"text", text},
                        {"remedy", remedy}});
    }
    return list;
}

Result<int> doctor(App &app) {
    const auto findings = examine(app).findings;
    auto printed = app.print(to_json(findings));
    const bool ill =
        std::ranges::any_of(findings, [](const Finding &one) { return one.state == State::fail; });
    return !printed ? printed : Result<int>(ill ? exit_code(K2S_E_FAILED) : 0);
}

} // namespace k2s::core
