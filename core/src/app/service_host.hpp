// SPDX-License-Identifier: MIT
/// \file
/// A host that runs services until it is asked to stop: `k2s run` and the foreground services of
/// the presets (`httpproxy`) are the same thing with another list of services.
#pragma once

#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "app/app.hpp"
#include "app/host_steps.hpp"
#include "app/watchdog.hpp"
#include "lifecycle/service_set.hpp"

namespace k2s::core {

/// The services that a configuration asks for, or why they cannot be told.
using WantedServices = std::function<Result<std::vector<ServiceSpec>>(const Config &)>;

/// Those of `k2s run`: the entries of `services`, or without it each service feature that is on.
Result<std::vector<ServiceSpec>> services_to_run(const App &app, const Config &config);

class ServiceHost {
  public:
    ServiceHost(App &app, WantedServices wanted);

    /// Starts everything; one service that fails does not keep the others from running. An error
    /// only when there was something to start and nothing could be.
    Result<void> start();

    /// Lets the thread that is in wait_and_drain() reload, and waits for the outcome.
    /// [any other thread, may-block]
    Result<void> reload_now();

    /// Waits for the wish to stop, reloading in between, then drains. The exit code: 0, or 7 with
    /// the names of what did not end in time.
    int wait_and_drain();

    bool ready() const;
    /// For /state and `k2s host status`.
    nlohmann::ordered_json state() const;
    /// The same and what each active plugin tells of itself. [any-thread]
    nlohmann::ordered_json diagnostics() const;

  private:
    /// Reads the configuration again and moves to it. On an error everything stays as it was.
    Result<void> reload();
    void launch(const ServiceSpec &spec);
    Result<void> start(const ServiceSpec &spec, PluginInstance &plugin);
    /// Ends the process, and keeps the plugin out of the next, unless it goes away in time: for
    /// calls into a plugin of this process.
    std::unique_ptr<Watchdog> watch(const PluginInstance &plugin, const ServiceSpec &spec);
    /// Moves the services of a plugin to its other version, which has to prove itself first.
    Result<void> replace(PluginInstance &old, std::size_t index,
                         const std::vector<ServiceSpec> &wanted);
    Result<void> start_all(const std::vector<ServiceSpec> &specs, PluginInstance &plugin);
    Result<void> apply(const std::vector<ServiceSpec> &wanted);
    std::chrono::milliseconds drain_time() const;
    int drain(StopReason reason);

    App &app_;
    WantedServices wanted_;
    ServiceSet services_;
    HostSteps steps_; ///< last of what uses plugins: gone before them
    std::chrono::system_clock::time_point started_ = std::chrono::system_clock::now();
    std::atomic<bool> draining_{false};
    std::mutex reload_mutex_;
    std::vector<std::promise<Result<void>>> reload_waiters_;
};

} // namespace k2s::core
