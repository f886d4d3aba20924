// SPDX-License-Identifier: MIT
#include "app/isolation.hpp"

#include "app/verify.hpp"
#include "isolation/remote_plugin.hpp"

namespace k2s::core {
namespace {

const nlohmann::json *member(const nlohmann::json *object, const char *name) {
    const auto found = object != nullptr ? object->find(name) : nlohmann::json::const_iterator();
    return object == nullptr || found == object->end() ? nullptr : &*found;
}

} // namespace

Place to_place(const nlohmann::json &word) {
    return word == "process" ? Place::worker : Place::here;
}

Place plugin_place(const nlohmann::json *said, const Manifest &manifest) {
    const auto *word = member(said, "isolation");
    return word != nullptr ? to_place(*word) : manifest.isolated ? Place::worker : Place::here;
}

Place feature_place(const nlohmann::json *said, const nlohmann::json *said_of_plugin,
                    const Manifest &manifest, const Feature &feature) {
    if (const auto *word = member(said, "isolation")) {
        return to_place(*word);
    }
    if (member(said_of_plugin, "isolation") == nullptr && feature.isolated) {
        return Place::worker;
    }
    return plugin_place(said_of_plugin, manifest);
}

isolation::WorkerLimits worker_limits(const nlohmann::json *said, bool trusted) {
    auto limits = trusted ? isolation::WorkerLimits() : isolation::foreign_limits();
    const auto *worker = member(said, "worker");
    if (const auto *user = member(worker, "user")) {
        limits.user = user->get<std::string>();
    }
    if (const auto *memory = member(worker, "memory_mb")) {
        limits.memory_mb = memory->get<uint64_t>();
    }
    if (const auto *processes = member(worker, "processes")) {
        limits.processes = processes->get<uint32_t>();
    }
    if (const auto *read_only = member(worker, "read_only")) {
        limits.read_only = read_only->get<bool>();
    }
    if (const auto *admin = member(worker, "admin_calls")) {
        limits.admin_calls = admin->get<bool>();
    }
    return limits;
}

LoadCode worker_loader(WorkerRules rules) {
    return [rules = std::move(rules)](const Manifest &manifest, const boost::filesystem::path &file,
                                      const VerifiedLibrary &library) -> Result<PluginCode> {
        isolation::WorkerPlan plan;
        plan.program = rules.program;
        plan.library = file;
        plan.file = library.file;
        plan.held = library.held;
        plan.manifest = &manifest;
        plan.limits = rules.limits(manifest);
        plan.create_time = rules.create_time;
        plan.quarantine = [&manifest, folder = file.parent_path()](const std::string &why) {
            quarantine(manifest, folder, why);
        };
        plan.lifted = [&manifest, folder = file.parent_path()] {
            return !quarantine_reason(manifest, folder);
        };
        const auto plugin = std::make_shared<isolation::RemotePlugin>(std::move(plan));
        return PluginCode{[plugin](const k2s_host *host, const k2s_plugin **made,
                                   k2s_error *error) { return plugin->enter(host, made, error); },
                          [plugin] { return plugin->state(); },
                          [plugin] { plugin->collect_metrics(); }};
    };
}

} // namespace k2s::core
