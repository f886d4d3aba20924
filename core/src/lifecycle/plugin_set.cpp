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
                     const Chooser &enabled)
    : found_(std::move(found)), reserved_(std::move(reserved_commands)),
      instances_{std::vector<std::unique_ptr<PluginInstance>>(found_.candidates.size()),
                 std::vector<std::unique_ptr<PluginInstance>>(found_.candidates.size())} {
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
        const Activated one = active_[position];
        if (!resolution_.verdicts[one.index].refused) {
            continue;
        }
        if (auto done = one.instance->deactivate(deadline); !done) {
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

void PluginSet::attach(Services &services, Means means) {
    services_ = &services;
    means_ = std::move(means);
}

Result<PluginInstance *> PluginSet::activate(std::size_t index, Place place) {
    const Verdict &verdict = resolution_.verdicts[index];
    auto &own = instance(index, place);
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
                                               here ? means_.load_here : means_.load_in_worker);
    }
    if (own->state() == PluginState::created) {
        return own.get();
    }
    if (auto done = activate_needs(index, place); !done) {
        own->refuse(done.error());
    }
    if (auto done = own->activate(here ? means_.verify : means_.verify_for_worker); !done) {
        return pass(done);
    }
    const std::lock_guard lock(active_mutex_);
    active_.push_back({index, own.get()});
    return own.get();
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
        const auto &provider_instance = instance(need, Place::here);
        if (provider_instance && provider_instance->state() != PluginState::parked) {
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
    std::vector<PluginInstance *> list;
    for (const Activated &one : active_) {
        list.push_back(one.instance);
    }
    return list;
}

void PluginSet::reconfigure_all(const std::function<void(const Error &)> &report) {
    for (const Activated &one : active_) {
        if (auto done = one.instance->reconfigure(); !done) {
            report(done.error());
        }
    }
}

std::vector<std::string> PluginSet::deactivate_all(std::chrono::milliseconds deadline) {
    std::vector<std::string> blockers;
    for (const Activated &one : active_ | std::views::reverse) {
        if (auto done = one.instance->deactivate(deadline); !done) {
            blockers.push_back(done.error().message);
        }
    }
    const std::lock_guard lock(active_mutex_);
    active_.clear();
    return blockers;
}

} // namespace k2s::core
