// SPDX-License-Identifier: MIT
#include "lifecycle/plugin_set.hpp"

#include <algorithm>
#include <ranges>

#include <boost/filesystem/operations.hpp>

#include "util/path.hpp"
#include "util/read_file.hpp"

namespace k2s::core {
namespace {

constexpr std::string_view k_manifest_name = "plugin.json";
constexpr std::size_t k_max_plugins = 1024;

void read_plugin(const fs::path &folder, DiscoveredPlugins &found) {
    const fs::path file = folder / path_from_utf8(k_manifest_name);
    const std::string name = path_text(file);
    auto text = read_file_if_exists(file, k_max_manifest_bytes);
    if (text && !*text) {
        return; // a folder without plugin.json is none of ours
    }
    auto manifest = text ? read_manifest(**text, name) : pass(text);
    if (!manifest) {
        found.broken.push_back({name, std::move(manifest.error())});
        return;
    }
    manifest->text = std::move(**text);
    found.candidates.push_back({std::move(*manifest), name, true});
    found.folders.push_back(folder);
}

std::vector<fs::path> sub_folders(const fs::path &folder, DiscoveredPlugins &found) {
    std::vector<fs::path> result;
    boost::system::error_code failed;
    for (fs::directory_iterator entry(folder, failed), end; !failed && entry != end;
         entry.increment(failed)) {
        result.push_back(entry->path());
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
                found.broken.push_back({path_text(plugin),
                                        {K2S_E_NO_MEMORY, fmt::format("{}: more than {} plugins",
                                                                      path_text(folder),
                                                                      k_max_plugins)}});
                return found;
            }
            read_plugin(plugin, found);
        }
    }
    return found;
}

PluginSet::PluginSet(DiscoveredPlugins found, std::vector<std::string> reserved_commands,
                     const Chooser &enabled)
    : found_(std::move(found)), reserved_(std::move(reserved_commands)),
      instances_(found_.candidates.size()) {
    choose(enabled);
}

void PluginSet::choose(const Chooser &enabled) {
    for (auto &candidate : found_.candidates) {
        candidate.enabled = enabled(candidate.manifest);
    }
    resolution_ = resolve(found_.candidates, reserved_);
}

std::vector<std::string> PluginSet::park_refused(std::chrono::milliseconds deadline) {
    std::vector<std::string> blockers;
    for (auto position = active_.size(); position-- > 0;) {
        const std::size_t index = active_[position];
        if (!resolution_.verdicts[index].refused) {
            continue;
        }
        if (auto done = instances_[index]->deactivate(deadline); !done) {
            blockers.push_back(done.error().message);
            continue;
        }
        const std::lock_guard lock(active_mutex_);
        active_.erase(active_.begin() + static_cast<std::ptrdiff_t>(position));
    }
    return blockers;
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

void PluginSet::attach(Services &services, VerifyLibrary verify) {
    services_ = &services;
    verify_ = std::move(verify);
}

Result<PluginInstance *> PluginSet::activate(std::size_t index) {
    const Verdict &verdict = resolution_.verdicts[index];
    auto &instance = instances_[index];
    if (verdict.refused) {
        return std::unexpected(*verdict.refused);
    }
    if (!instance) {
        instance = std::make_unique<PluginInstance>(found_.candidates[index].manifest,
                                                    found_.folders[index], *services_);
    }
    if (instance->state() == PluginState::created) {
        return instance.get();
    }
    for (const std::size_t need : verdict.needs) {
        const auto &provider_instance = instances_[need];
        if (provider_instance && provider_instance->state() != PluginState::parked) {
            continue; // it runs, has failed, or is on its way up in an optional circle
        }
        auto provider = activate(need);
        const auto &required = instance->manifest().required_contracts;
        const bool optional = std::ranges::all_of(required, [&](const RequiredContract &contract) {
            const auto &provided = found_.candidates[need].manifest.provided_contracts;
            return contract.optional ||
                   std::ranges::find(provided, contract.contract, &ProvidedContract::contract) ==
                       provided.end();
        });
        if (!provider && !optional) {
            instance->refuse({K2S_E_FAILED, fmt::format("plugin '{}' needs plugin '{}': {}",
                                                        instance->manifest().id,
                                                        found_.candidates[need].manifest.id,
                                                        provider.error().message)});
        }
    }
    if (auto done = instance->activate(verify_); !done) {
        return pass(done);
    }
    const std::lock_guard lock(active_mutex_);
    active_.push_back(index);
    return instance.get();
}

std::vector<PluginInstance *> PluginSet::active() const {
    const std::lock_guard lock(active_mutex_);
    std::vector<PluginInstance *> list;
    for (const std::size_t index : active_) {
        list.push_back(instances_[index].get());
    }
    return list;
}

void PluginSet::reconfigure_all(const std::function<void(const Error &)> &report) {
    for (const std::size_t index : active_) {
        if (auto done = instances_[index]->reconfigure(); !done) {
            report(done.error());
        }
    }
}

std::vector<std::string> PluginSet::deactivate_all(std::chrono::milliseconds deadline) {
    std::vector<std::string> blockers;
    for (const std::size_t index : active_ | std::views::reverse) {
        if (auto done = instances_[index]->deactivate(deadline); !done) {
            blockers.push_back(done.error().message);
        }
    }
    const std::lock_guard lock(active_mutex_);
    active_.clear();
    return blockers;
}

} // namespace k2s::core
