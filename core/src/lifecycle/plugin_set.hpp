// SPDX-License-Identifier: MIT
/// \file
/// All plugins of a host: found on disk, resolved, activated on demand with what they need.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "lifecycle/plugin.hpp"
#include "resolve/resolver.hpp"

namespace k2s::core {

/// A folder whose plugin.json cannot be used.
struct BrokenPlugin {
    std::string file;
    Error error;
};

/// The plugins below some folders, read but not resolved.
struct DiscoveredPlugins {
    std::vector<Candidate> candidates;
    std::vector<boost::filesystem::path> folders; ///< of each candidate
    std::vector<BrokenPlugin> broken;
};

/// Reads `<folder>/*/plugin.json` of each folder in order, by name within one; with `only`, just
/// `<folder>/<only>/plugin.json`. A folder that does not exist has no plugins.
DiscoveredPlugins discover_plugins(const std::vector<boost::filesystem::path> &folders,
                                   std::string_view only);

class PluginSet {
  public:
    /// Whether a plugin is switched on.
    using Chooser = std::function<bool(const Manifest &)>;

    /// Whether a plugin is signed as the policy asks.
    using Trusted = std::function<bool(const Manifest &, const boost::filesystem::path &folder)>;

    PluginSet(DiscoveredPlugins found, std::vector<std::string> reserved_commands,
              const Chooser &enabled, Trusted trusted);

    /// Moves to what is on the disk now, and resolves anew. A plugin with the same folder and
    /// manifest goes on. What runs of others, or is now switched off, goes on, too, until it is
    /// parked: see park_refused().
    void refresh(DiscoveredPlugins found, const Chooser &enabled);

    /// Deactivates plugins that run but are gone or no longer usable, if nobody uses them; what
    /// cannot be ended, in words.
    std::vector<std::string>
    park_refused(std::chrono::milliseconds deadline,
                 const std::function<bool(const PluginInstance &)> &in_use);

    /// Ends one plugin, and lets it run again where it did.
    Result<void> park(PluginInstance &instance, std::chrono::milliseconds deadline);
    Result<void> revive(PluginInstance &instance);

    const std::vector<Candidate> &candidates() const noexcept { return found_.candidates; }
    const std::vector<BrokenPlugin> &broken() const noexcept { return found_.broken; }
    const Resolution &resolution() const noexcept { return resolution_; }
    const boost::filesystem::path &folder(std::size_t index) const { return found_.folders[index]; }

    /// Index of the usable candidate with this id, or of the first one with it; nothing if there is
    /// none.
    std::optional<std::size_t> find(std::string_view id) const;

    /// The usable plugin that has the feature.
    std::optional<std::size_t> find_feature(std::string_view feature) const;

    /// What activation needs.
    struct Means {
        VerifyLibrary verify;
        VerifyLibrary verify_for_worker; ///< of code that cannot hurt this process
        LoadCode load_here;
        LoadCode load_in_worker;
        /// Whether a plugin may not be loaded here at all.
        std::function<bool(const Manifest &)> only_in_worker;
    };
    /// Once, before the first activate.
    void attach(Services &services, Means means);

    /// Activates the plugin after those it needs. One plugin may run in both places, for different
    /// features of it. [may-block]
    Result<PluginInstance *> activate(std::size_t index, Place place = Place::here);

    /// What was activated there; nullptr before.
    const PluginInstance *instance(std::size_t index, Place place) const {
        return instances_[static_cast<std::size_t>(place)][index].get();
    }

    /// The plugins that run now, in order of activation; they stay valid. [any-thread]
    std::vector<PluginInstance *> active() const;

    /// Tells every active plugin that its settings may have changed; failures go to `report`.
    void reconfigure_all(const std::function<void(const Error &)> &report);

    /// Deactivates all, users before their providers. What cannot be ended is returned in words.
    std::vector<std::string> deactivate_all(std::chrono::milliseconds deadline);

  private:
    void choose(const Chooser &enabled);
    bool is_usable(const PluginInstance &instance) const;

    DiscoveredPlugins found_;
    std::vector<DiscoveredPlugins> retired_; ///< instances refer to their manifests
    std::vector<std::string> reserved_;
    Trusted trusted_;
    Resolution resolution_;
    std::unique_ptr<PluginInstance> &slot(std::size_t index, Place place) {
        return instances_[static_cast<std::size_t>(place)][index];
    }
    Result<void> activate_needs(std::size_t index, Place place);

    std::array<std::vector<std::unique_ptr<PluginInstance>>, 2> instances_; ///< by place
    std::vector<std::unique_ptr<PluginInstance>> left_; ///< of plugins that are gone
    mutable std::mutex active_mutex_; ///< writes to active_; the changing thread reads without it
    std::vector<PluginInstance *> active_; ///< in order of activation
    Services *services_ = nullptr;
    Means means_;
};

} // namespace k2s::core
