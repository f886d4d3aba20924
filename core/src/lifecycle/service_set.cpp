// SPDX-License-Identifier: MIT
#include "lifecycle/service_set.hpp"

#include <algorithm>
#include <ranges>

namespace k2s::core {

ServiceSet::Entry *ServiceSet::find(const std::string &instance) {
    const auto found = std::ranges::find_if(
        entries_, [&](const Entry &entry) { return entry.spec.instance == instance; });
    return found == entries_.end() ? nullptr : &*found;
}

Result<void> ServiceSet::launch(Entry &entry) {
    auto handle =
        entry.plugin->start_service(entry.spec.feature, entry.spec.instance, entry.spec.settings);
    const std::lock_guard lock(mutex_);
    if (!handle) {
        entry.failure = handle.error();
        return fail(handle.error().code, "service '{}': {}", entry.spec.instance,
                    handle.error().message);
    }
    entry.handle = *handle;
    entry.failure.reset();
    return {};
}

/// Stops the service of an entry; work that had to be cut is no failure.
Result<void> ServiceSet::halt(Entry &entry, std::chrono::milliseconds drain) {
    auto stopped = entry.plugin->stop_service(entry.handle, drain);
    if (!stopped && stopped.error().code != K2S_E_PARTIAL) {
        return fail(stopped.error().code, "service '{}' cannot be stopped: {}", entry.spec.instance,
                    stopped.error().message);
    }
    const std::lock_guard lock(mutex_);
    entry.handle = 0;
    return {};
}

Result<void> ServiceSet::start(ServiceSpec spec, PluginInstance &plugin) {
    {
        const std::lock_guard lock(mutex_);
        entries_.push_back({std::move(spec), &plugin, 0, std::nullopt});
    }
    return launch(entries_.back());
}

void ServiceSet::note_failure(ServiceSpec spec, Error why) {
    const std::lock_guard lock(mutex_);
    entries_.push_back({std::move(spec), nullptr, 0, std::move(why)});
}

Result<void> ServiceSet::reload(const ServiceSpec &spec, std::chrono::milliseconds drain) {
    Entry *entry = find(spec.instance);
    if (entry == nullptr || entry->plugin == nullptr) {
        return fail(K2S_E_NOT_FOUND, "service '{}' is not known to this host", spec.instance);
    }
    bool done = false;
    if (entry->handle != 0) {
        auto reloaded = entry->plugin->reload_service(entry->handle, spec.settings);
        if (!reloaded && reloaded.error().code != K2S_E_UNSUPPORTED) {
            return fail(reloaded.error().code, "service '{}' keeps its old settings: {}",
                        spec.instance, reloaded.error().message);
        }
        done = reloaded.has_value();
        if (!done) {
            if (auto halted = halt(*entry, drain); !halted) {
                return halted;
            }
        }
    }
    {
        const std::lock_guard lock(mutex_);
        entry->spec = spec;
    }
    return done ? Result<void>() : launch(*entry);
}

Result<void> ServiceSet::stop(const std::string &instance, std::chrono::milliseconds drain) {
    Entry *entry = find(instance);
    if (entry == nullptr) {
        return fail(K2S_E_NOT_FOUND, "service '{}' is not known to this host", instance);
    }
    if (entry->handle != 0) {
        if (auto halted = halt(*entry, drain); !halted) {
            return halted;
        }
    }
    const std::lock_guard lock(mutex_);
    entries_.erase(entries_.begin() + (entry - entries_.data()));
    return {};
}

std::vector<std::string> ServiceSet::stop_all(std::chrono::milliseconds drain) {
    using Clock = std::chrono::steady_clock;
    using std::chrono::milliseconds;
    const auto end = Clock::now() + drain;
    // All refuse new work before the first is waited for, and so have the same time.
    for (const Entry &entry : entries_ | std::views::reverse) {
        if (entry.handle != 0) {
            entry.plugin->begin_drain(entry.handle, drain);
        }
    }
    std::vector<std::string> blockers;
    for (Entry &entry : entries_ | std::views::reverse) {
        const auto left = std::chrono::duration_cast<milliseconds>(end - Clock::now());
        if (entry.handle != 0) {
            if (auto halted = halt(entry, std::max(milliseconds(0), left)); !halted) {
                blockers.push_back(halted.error().message);
            }
        }
    }
    return blockers;
}

std::vector<ServiceSpec> ServiceSet::specs() const {
    const std::lock_guard lock(mutex_);
    std::vector<ServiceSpec> list;
    for (const Entry &entry : entries_) {
        list.push_back(entry.spec);
    }
    return list;
}

bool ServiceSet::is_running(const std::string &instance) {
    const Entry *entry = find(instance);
    return entry != nullptr && entry->handle != 0;
}

PluginInstance *ServiceSet::plugin_of(const std::string &instance) {
    const Entry *entry = find(instance);
    return entry != nullptr ? entry->plugin : nullptr;
}

std::vector<ServiceSpec> ServiceSet::specs_of(const PluginInstance &plugin) const {
    std::vector<ServiceSpec> list;
    for (const Entry &entry : entries_) {
        if (entry.plugin == &plugin) {
            list.push_back(entry.spec);
        }
    }
    return list;
}

bool ServiceSet::all_running() const {
    const std::lock_guard lock(mutex_);
    return std::ranges::all_of(entries_, [](const Entry &entry) {
        const auto worker = entry.plugin != nullptr ? entry.plugin->code_state() : nullptr;
        return entry.handle != 0 && (worker.is_null() || worker.at("state") == "running");
    });
}

std::size_t ServiceSet::running() const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(
        std::ranges::count_if(entries_, [](const Entry &entry) { return entry.handle != 0; }));
}

bool ServiceSet::all_healthy() const {
    std::unique_lock lock(mutex_);
    const auto entries = entries_;
    lock.unlock();
    return std::ranges::all_of(entries, [](const Entry &entry) {
        return entry.handle != 0 && !entry.plugin->unhealthy();
    });
}

Error ServiceSet::first_failure() const {
    const std::lock_guard lock(mutex_);
    const auto failed = std::ranges::find_if(
        entries_, [](const Entry &entry) { return entry.failure.has_value(); });
    return failed == entries_.end() ? Error{} : *failed->failure;
}

nlohmann::ordered_json ServiceSet::states() const {
    std::unique_lock lock(mutex_);
    const auto entries = entries_;
    lock.unlock(); // plugins are asked without the lock; one answers "unknown" for a stopped
                   // service
    auto list = nlohmann::ordered_json::array();
    for (const Entry &entry : entries) {
        nlohmann::ordered_json item{{"instance", entry.spec.instance},
                                    {"feature", entry.spec.feature}};
        if (entry.plugin != nullptr) {
            item["plugin"] = entry.plugin->manifest().id;
        }
        item["state"] = entry.handle != 0 ? "running" : "failed";
        if (auto worker = entry.plugin != nullptr ? entry.plugin->code_state() : nullptr;
            !worker.is_null()) {
            if (entry.handle != 0) {
                item["state"] = worker.at("state");
            }
            item["worker"] = std::move(worker);
        }
        if (entry.failure) {
            item["error"] = entry.failure->message;
        }
        if (const auto unhealthy = entry.plugin != nullptr && entry.handle != 0
                                       ? entry.plugin->unhealthy()
                                       : std::nullopt) {
            item["unhealthy"] = unhealthy->message;
        }
        if (entry.handle != 0) {
            const auto status = entry.plugin->service_status(entry.handle);
            const auto parsed =
                nlohmann::ordered_json::parse(status.value_or("null"), nullptr, false);
            if (parsed.is_object()) {
                item["status"] = parsed;
            }
        }
        list.push_back(std::move(item));
    }
    return list;
}

} // namespace k2s::core
