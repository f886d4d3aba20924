// SPDX-License-Identifier: MIT
/// \file
/// The host as one plugin sees it, and everything that the plugin has got from it.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <k2s/abi/host.h>
#include <k2s/abi/log.h>

#include "services/executor.hpp"
#include "services/lent_threads.hpp"
#include "services/registry.hpp"

namespace k2s::core {

class Services;

struct PluginScopeSpec {
    std::string id;                         ///< of plugin.json
    std::vector<DeclaredContract> provides; ///< versions; see registry.hpp
    std::vector<DeclaredContract> required; ///< ranges
};

/// One per loaded plugin; made by Services::make_scope and not to outlive the Services.
///
/// The life of it, as the loader drives it:
///   1. pass host() to the plugin's entry and create (inside a StrandGuard);
///   2. when create fails: release_all(deadline, Pending::drop);
///      at the end: stop its services, release_all(deadline), then the plugin's destroy;
///   3. blockers returned: the plugin still runs somewhere. Do not call destroy, keep the scope.
/// Afterwards the scope answers every request with K2S_E_STATE, except that logging still works,
/// until it is destructed. A plugin that is enabled again gets a new scope.
class PluginScope {
  public:
    PluginScope(Services &services, PluginScopeSpec spec);
    PluginScope(const PluginScope &) = delete;
    PluginScope &operator=(const PluginScope &) = delete;

    /// Releases what is left, as release_all(1 s, Pending::drop) does, and logs blockers.
    ~PluginScope();

    const k2s_host *host() const noexcept { return &host_; }
    const std::string &id() const noexcept { return id_; }
    Strand &strand() const noexcept { return *party_.strand; }

    /// What happens with tasks that were posted or offloaded and have not started: they run (the
    /// plugin's objects still live), or are dropped (create failed, they may be gone).
    enum class Pending : uint8_t { run, drop };

    /// Takes back, youngest first, whatever the plugin registered: contracts (leases on them are
    /// revoked), leases, subscriptions, timers, lent threads; then waits for offloaded tasks, runs
    /// or drops what is queued, and forgets its metrics and bars. Takes the strand itself; may be
    /// called inside a StrandGuard and again later. Returns what could not be ended by the
    /// deadline, in words; empty means that nothing of the plugin is left. [may-block]
    std::vector<std::string> release_all(std::chrono::milliseconds deadline,
                                         Pending pending = Pending::run);

    /// True from the first release_all() on.
    bool closed() const noexcept { return strand().closed(); }

    /// Writes to the log that the plugin broke a rule of the ABI; goes silent after 100 of them.
    /// `function` like "k2s.executor/1 post".
    void violation(std::string_view function, std::string_view what) noexcept;

    /// Debug check of [strand] functions; see Services::check_threads.
    void expect_strand(std::string_view function) noexcept;

    // For the tables (tables/*.cpp).
    Services &services() const noexcept { return services_; }
    const ContractParty &party() const noexcept { return party_; }
    LentThreads &threads() noexcept { return threads_; }
    const void *find_interface(std::string_view id) const noexcept;

    /// Held while something without a handle of its own is opened (metrics, bars); K2S_E_STATE
    /// when closed() is true then.
    std::mutex &opening() noexcept { return opening_; }

    /// The scope behind a host that a plugin passed; NULL for NULL.
    static PluginScope *of(const k2s_host *host) noexcept;

  private:
    void release_one(k2s_handle handle, Deadline deadline, std::vector<std::string> &blockers);

    Services &services_;
    const std::string id_;
    ContractParty party_;
    LentThreads threads_;
    std::mutex opening_;
    k2s_log log_{};
    k2s_host host_{};
    std::atomic<unsigned> violations_{0};
};

} // namespace k2s::core
