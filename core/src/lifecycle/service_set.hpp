// SPDX-License-Identifier: MIT
/// \file
/// The service instances of a running host.
#pragma once

#include <chrono>
#include <mutex>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "lifecycle/plugin.hpp"

namespace k2s::core {

struct ServiceSpec {
    std::string instance;
    std::string feature;
    std::string settings; ///< checked JSON
    Place place = Place::here;
    bool operator==(const ServiceSpec &) const = default;
};

/// Starts, reloads and stops services; remembers why one is not running.
/// Changes come from one thread; all_running() and states() may be asked from any, also while a
/// change waits for a plugin.
class ServiceSet {
  public:
    /// Starts the service, or notes why it could not be.
    Result<void> start(ServiceSpec spec, PluginInstance &plugin);

    /// Notes a service whose plugin cannot be used.
    void note_failure(ServiceSpec spec, Error why);

    /// New settings for a running instance; falls back to stop and start when the plugin cannot.
    Result<void> reload(const ServiceSpec &spec, std::chrono::milliseconds drain);

    /// Drains and forgets one instance.
    Result<void> stop(const std::string &instance, std::chrono::milliseconds drain);

    /// Drains all, the youngest first, within one deadline for all together. What could not be
    /// ended in time is returned in words.
    std::vector<std::string> stop_all(std::chrono::milliseconds drain);

    std::vector<ServiceSpec> specs() const;

    /// The plugin that has the instance; nullptr for one that never ran. [the changing thread]
    PluginInstance *plugin_of(const std::string &instance);
    /// False also for one that never ran. [the changing thread]
    bool is_running(const std::string &instance);
    /// The services of a plugin. [the changing thread]
    std::vector<ServiceSpec> specs_of(const PluginInstance &plugin) const;

    bool all_running() const;
    std::size_t running() const;

    /// All are running and no plugin says that it is not well.
    bool all_healthy() const;

    /// Why the first one that is not running is not. Call it when there is one.
    Error first_failure() const;

    /// [{instance, feature, plugin, state, worker?, error?, unhealthy?, status?}]
    nlohmann::ordered_json states() const;

  private:
    struct Entry {
        ServiceSpec spec;
        PluginInstance *plugin = nullptr;
        k2s_handle handle = 0; ///< 0: not running
        std::optional<Error> failure;
    };

    Entry *find(const std::string &instance);
    Result<void> launch(Entry &entry);
    Result<void> halt(Entry &entry, std::chrono::milliseconds drain);

    mutable std::mutex mutex_; ///< writes to entries_; the changing thread reads without it
    std::vector<Entry> entries_;
};

} // namespace k2s::core
