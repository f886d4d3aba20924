// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include "lifecycle/plugin.hpp"
#include "services/cancellation.hpp"

namespace k2s::core {

class App;

/// What a host does beside its services when it has started and before it stops: the lifecycle
/// steps of its plugins and the commands under `hooks` in the configuration. A failure is logged
/// and changes nothing else.
class HostSteps {
  public:
    explicit HostSteps(App &app) : app_(app) {}
    /// Ends what still runs.
    ~HostSteps();
    HostSteps(const HostSteps &) = delete;
    HostSteps &operator=(const HostSteps &) = delete;

    /// Begins the step "started" on a thread of its own, so that no service waits for it.
    void started();

    /// Ends that, then runs "stopping" or "shutdown". Takes at most the time that those may take,
    /// or else the process ends with the exit code of a timeout. [may-block]
    void stopping(StopReason reason);

  private:
    struct Hook {
        std::vector<std::string> command;
        std::chrono::milliseconds deadline;
    };
    std::optional<Hook> hook(const char *step) const;
    void run_plugin(PluginInstance &plugin, uint32_t step,
                    std::chrono::milliseconds deadline) const;
    void run_hook(const Hook &hook, const char *step, std::stop_token cancel) const;

    App &app_;
    std::jthread beside_; ///< of "started"
};

} // namespace k2s::core
