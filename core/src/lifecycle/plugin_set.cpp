// SPDX-License-Identifier: MIT
#include "lifecycle/plugin_set.hpp"

#include <algorithm>
#include <ranges>

#include <boost/filesystem/operations.hpp>

#include "install/versions.hpp"
#include "util/path.hpp"
#include "util/read_file.hpp"

namespace k2s::core {
namespace {

constexpr std::size_t k_max_plugins = 1024;

/// The plugin in `folder`, or its version that counts.
void read_plugin(fs::path folder, DiscoveredPlugins &found) {
    fs::path file = folder / k_manifest_name;
    auto text = read_file_if_exists(file, k_max_manifest_bytes);
    if (text && !*text) {
        const auto version = install::current_folder(folder);
        if (!version) {
            return; // a folder without plugin.json is none of ours
        }
        folder = *version;
        file = folder / k_manifest_name;
        text = read_file(file, k_max_manifest_bytes);
    }
    const std::string name = path_text(file);
    auto manifest = text ? read_manifest(**text, name) : pass(text);
    if (!manifest) {
        found.broken.push_back({name, std::move(manifest.error())});
        return;
    }
    found.candidates.push_back({std::move(*manifest), name, true});
    found.folders.push_back(std::move(folder));
}

std::vector<fs::path> sub_folders(const fs::path &folder, DiscoveredPlugins &found) {
    std::vector<fs::path> result;
    boost::system::error_code failed;
    for (fs::directory_iterator entry(folder, failed), end; !failed && entry != end;
         entry.increment(failed)) {
        if (!path_to_utf8(entry->path().filename()).starts_with('.')) {
            result.push_back(entry->path());
        }
    }
    if (failed && failed != boost::system::errc::no_such_file_or_directory) {
        const std::string name = path_text(folder);
        found.broken.push_back(
            {name, {K2S_E_IO, fmt::format("{}: cannot be listed: {}", name, failed.message())}});
    }
    std::ranges::sort(result);
    return result;
}

} // namespace

DiscoveredPlugins discover_plugins(const std::vector<fs::path> &folders, std::string_view only) {
    DiscoveredPlugins found;
    for (const auto &folder : folders) {
        if (!only.empty()) {
            read_plugin(folder / path_from_utf8(only), found);
            continue;
        }
        for (const auto &plugin : sub_folders(folder, found)) {
            if (found.candidates.size() + found.broken.size() >= k_max_plugins) {
                found.broken.push_back(
                    {path_text(plugin),
                     {K2S_E_NO_MEMORY,
                      fmt::format("{}: more than {} plugins", path_text(folder), k_max_plugins)}});
                return found;
            }
            read_plugin(plugin, found);
        }
    }
    return found;
}

PluginSet::PluginSet(DiscoveredPlugins found, std::vector<std::string> reserved_commands,
                     const Chooser &enabled, Trusted trusted)
    : found_(std::move(found)), reserved_(std::move(reserved_commands)),
      trusted_(std::move(trusted)),
      instances_{std::vector<std::unique_ptr<PluginInstance>>(found_.candidates.size()),
                 std::vector<std::unique_ptr<PluginInstance>>(found_.candidates.size())} {
    choose(enabled);
}

void PluginSet::choose(const Chooser &enabled) {
    for (auto &candidate : found_.candidates) {
        candidate.enabled = enabled(candidate.manifest);
    }
    resolution_ = resolve(found_.candidates, reserved_, [this](std::size_t i) {
        return trusted_(found_.candidates[i].manifest, found_.folders[i]);
    });
}

void PluginSet::refresh(DiscoveredPlugins found, const Chooser &enabled) {
    const auto same = [&](std::size_t i, const fs::path &folder, const Manifest &manifest) {
        return found.folders[i] == folder && found.candidates[i].manifest.text == manifest.text;
    };
    bool changed = found.candidates.size() != found_.candidates.size();
    for (std::size_t i = 0; !changed && i < found.candidates.size(); ++i) {
        changed = !same(i, found_.folders[i], found_.candidates[i].manifest);
    }
    if (!changed) {
        found_.broken = std::move(found.broken);
        return;
    }
    // What failed or ended before its plugin went says nothing of what comes back under its name.
    const auto ended = std::ranges::stable_partition(
        left_, [](const auto &instance) { return instance->state() != PluginState::created; });
    std::vector<std::unique_ptr<PluginInstance>> known(std::make_move_iterator(ended.begin()),
                                                       std::make_move_iterator(ended.end()));
    left_.erase(ended.begin(), ended.end());
    const std::size_t count = found.candidates.size();
    for (auto &instances : instances_) {
        std::ranges::move(instances, std::back_inserter(known));
        instances = std::vector<std::unique_ptr<PluginInstance>>(count);
    }
    for (auto &instance : known) {
        if (!instance) {
            continue;
        }
        std::size_t i = 0;
        while (i < count && !same(i, instance->folder(), instance->manifest())) {
            ++i;
        }
        (i < count ? slot(i, instance->place()) : left_.emplace_back()) = std::move(instance);
    }
    retired_.push_back(std::exchange(found_, std::move(found)));
    choose(enabled);
}

bool PluginSet::is_usable(const PluginInstance &instance) const {
    for (std::size_t i = 0; i < found_.candidates.size(); ++i) {
        if (this->instance(i, instance.place()) == &instance) {
            return !resolution_.verdicts[i].refused;
        }
    }
    return false;
}

std::vector<std::string>
PluginSet::park_refused(std::chrono::milliseconds deadline,
                        const std::function<bool(const PluginInstance &)> &in_use) {
    std::vector<std::string> blockers;
    const auto running = active_;
    for (PluginInstance *instance : running | std::views::reverse) {
        if (is_usable(*instance) || in_use(*instance)) {
            continue;
        }
        if (auto done = park(*instance, deadline); !done) {
            blockers.push_back(done.error().message);
        }
    }
    return blockers;
}

Result<void> PluginSet::park(PluginInstance &instance, std::chrono::milliseconds deadline) {
    if (auto done = instance.deactivate(deadline); !done) {
        return done;
    }
    const std::lock_guard lock(active_mutex_);
    std::erase(active_, &instance);
    return {};
}

Result<void> PluginSet::revive(PluginInstance &instance) {
    const bool here = instance.place() == Place::here;
    if (auto done = instance.activate(here ? means_.verify : means_.verify_for_worker); !done) {
        return done;
    }
    const std::lock_guard lock(active_mutex_);
    if (std::ranges::find(active_, &instance) == active_.end()) {
        active_.push_back(&instance);
    }
    return {};
}

std::optional<std::size_t> PluginSet::find(std::string_view id) const {
    std::optional<std::size_t> any;
    for (std::size_t i = 0; i < found_.candidates.size(); ++i) {
        if (found_.candidates[i].manifest.id == id) {
            if (!resolution_.verdicts[i].refused) {
                return i;
            }
            any = any ? any : i;
        }
    }
    return any;
}

std::optional<std::size_t> PluginSet::find_feature(std::string_view feature) const {
    for (const std::size_t i : resolution_.order) {
        if (found_.candidates[i].manifest.find_feature(feature) != nullptr) {
            return i;
        }
    }
    return std::nullopt;
}

void PluginSet::attach(Services &services, Means means) {
    services_ = &services;
    means_ = std::move(means);
}

Result<PluginInstance *> PluginSet::activate(std::size_t index, Place place) {
    const Verdict &verdict = resolution_.verdicts[index];
    auto &own = slot(index, place);
    if (verdict.refused) {
        return std::unexpected(*verdict.refused);
    }
    const bool here = place == Place::here;
    const Manifest &manifest = found_.candidates[index].manifest;
    if (here && means_.only_in_worker(manifest)) {
        return fail(K2S_E_UNSUPPORTED,
                    "plugin '{}' runs in a worker only, and its contracts do not reach out of it: "
                    "set plugins.{}.isolation to \"none\"",
                    manifest.id, manifest.id);
    }
    if (!own) {
        own = std::make_unique<PluginInstance>(manifest, found_.folders[index], *services_,
                                               here ? means_.load_here : means_.load_in_worker,
                                               place);
    }
    if (own->state() == PluginState::created) {
        return own.get();
    }
    if (auto done = activate_needs(index, place); !done) {
        own->refuse(done.error());
    }
    auto done = revive(*own);
    return done ? Result<PluginInstance *>(own.get()) : pass(done);
}

/// The plugins whose contracts it uses. Their tables are of this process, so a plugin in a worker
/// has none but its own.
Result<void> PluginSet::activate_needs(std::size_t index, Place place) {
    const Manifest &manifest = found_.candidates[index].manifest;
    for (const std::size_t need : resolution_.verdicts[index].needs) {
        const Manifest &other = found_.candidates[need].manifest;
        const bool optional =
            std::ranges::all_of(manifest.required_contracts, [&](const RequiredContract &contract) {
                return contract.optional ||
                       std::ranges::find(other.provided_contracts, contract.contract,
                                         &ProvidedContract::contract) ==
                           other.provided_contracts.end();
            });
        if (place == Place::worker) {
            if (!optional && need != index) {
                return fail(
                    K2S_E_UNSUPPORTED,
                    "plugin '{}' needs a contract of plugin '{}', and contracts do not reach "
                    "into a worker: set plugins.{}.isolation to \"none\"",
                    manifest.id, other.id, manifest.id);
            }
            continue;
        }
        const auto *running = instance(need, Place::here);
        if (running != nullptr && running->state() != PluginState::parked) {
            continue; // it runs, has failed, or is on its way up in an optional circle
        }
        auto provider = activate(need);
        if (!provider && !optional) {
            return fail(K2S_E_FAILED, "plugin '{}' needs plugin '{}': {}", manifest.id, other.id,
                        provider.error().message);
        }
    }
    return {};
}

std::vector<PluginInstance *> PluginSet::active() const {
    const std::lock_guard lock(active_mutex_);
    return active_;
}

void PluginSet::reconfigure_all(const std::function<void(const Error &)> &report) {
    for (PluginInstance *instance : active_) {
        if (auto done = instance->reconfigure(); !done) {
            report(done.error());
        }
    }
}

std::vector<std::string> PluginSet::deactivate_all(std::chrono::milliseconds deadline) {
    std::vector<std::string> blockers;
    for (PluginInstance *instance : active_ | std::views::reverse) {
        if (auto done = instance->deactivate(deadline); !done) {
            blockers.push_back(done.error().message);
        }
    }
    const std::lock_guard lock(active_mutex_);
    active_.clear();
    return blockers;
}

} // namespace k2s::core
