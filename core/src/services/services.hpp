// SPDX-License-Identifier: MIT
/// \file
/// All services of the host for plugins, in one object.
#pragma once

#include <memory>

#include "services/cancellation.hpp"
#include "services/events.hpp"
#include "services/executor.hpp"
#include "services/metrics.hpp"
#include "services/plugin_scope.hpp"
#include "services/ports.hpp"
#include "services/progress.hpp"
#include "services/registry.hpp"
#include "services/stdio.hpp"

namespace k2s::core {

/// What plugins share. Cheap to make: no thread, no descriptor, no big allocation before a plugin
/// asks for something that needs one.
class Services {
  public:
    explicit Services(Ports ports);
    Services(const Services &) = delete;
    Services &operator=(const Services &) = delete;

    /// Ends the threads of the executor (5 s). Every scope has to be gone, or parked for good.
    ~Services() = default;

    std::unique_ptr<PluginScope> make_scope(PluginScopeSpec spec);

    /// Whether calls off the strand are reported: debug builds, or K2S_DEBUG_THREADS=1.
    bool check_threads() const noexcept { return check_threads_; }

    /// Drops records below the threshold. [any-thread]
    void log(int32_t level, std::string_view plugin, std::string_view message,
             std::span<const k2s_field> fields = {}) const noexcept;

    const Ports ports;
    Executor executor;
    Registry registry;
    Events events;
    Metrics metrics;
    Cancellation cancellation;
    Stdio stdio{cancellation};
    Progress progress;

  private:
    bool check_threads_;
};

} // namespace k2s::core
