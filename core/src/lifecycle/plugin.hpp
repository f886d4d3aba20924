// SPDX-License-Identifier: MIT
/// \file
/// One plugin from its file to running code and back. The states are those of docs/abi/states.md.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>

#include <boost/filesystem/path.hpp>
#include <nlohmann/json.hpp>

#include <k2s/abi/commands.h>
#include <k2s/abi/plugin.h>
#include <k2s/abi/services.h>

#include "manifest/manifest.hpp"
#include "services/services.hpp"
#include "trust/identity.hpp"
#include "util/result.hpp"

namespace k2s::core {

enum class PluginState : uint8_t {
    discovered, ///< its manifest was read
    refused,    ///< by verification or by its own create
    created,    ///< its code runs in this process
    parked,     ///< destroyed; the code stays mapped and unused
};

std::string_view state_name(PluginState state);

/// The host as the plugin of this manifest sees it.
PluginScopeSpec scope_spec(const Manifest &manifest);

/// Where the code of a plugin runs.
enum class Place : uint8_t {
    here,   ///< in this process
    worker, ///< in a k2s-worker
};

/// A library that passed verification.
struct VerifiedLibrary {
    boost::filesystem::path path;
    std::shared_ptr<void> held; ///< keeps the checked file open as long as it is mapped
    trust::OpenLibrary::Native file = trust::OpenLibrary::k_closed; ///< that file
    std::shared_ptr<void> trial; ///< let go once `create` came back, however it went
    bool trusted = true;         ///< false: let in all the same, but only into a worker
};
using VerifyLibrary = std::function<Result<VerifiedLibrary>(const Manifest &manifest,
                                                            const boost::filesystem::path &file)>;

/// A plugin's code, wherever it runs.
struct PluginCode {
    /// The library's entry, or what stands for it.
    std::function<int32_t(const k2s_host *, const k2s_plugin **, k2s_error *)> entry;
    /// Of code that runs elsewhere: how it does there, and its metrics brought here. [any-thread]
    std::function<nlohmann::ordered_json()> state = {};
    std::function<void()> collect_metrics = {};
};
using LoadCode = std::function<Result<PluginCode>(
    const Manifest &manifest, const boost::filesystem::path &file, const VerifiedLibrary &library)>;

/// Maps it into this process.
Result<PluginCode> load_here(const Manifest &manifest, const boost::filesystem::path &file,
                             const VerifiedLibrary &library);

/// [strand] for what says nothing else: the object takes the plugin's strand itself.
class PluginInstance {
  public:
    /// `manifest` has to outlive the object; `folder` holds the library.
    PluginInstance(const Manifest &manifest, boost::filesystem::path folder, Services &services,
                   LoadCode load_code = load_here, Place place = Place::here);
    PluginInstance(const PluginInstance &) = delete;
    PluginInstance &operator=(const PluginInstance &) = delete;

    const Manifest &manifest() const noexcept { return manifest_; }
    const boost::filesystem::path &folder() const noexcept { return folder_; }
    Place place() const noexcept { return place_; }
    PluginState state() const noexcept { return state_; }
    const std::optional<Error> &failure() const noexcept { return failure_; }

    /// Marks it as not usable, for good.
    void refuse(Error reason);

    /// Verifies, maps, creates. On failure nothing that the plugin registered remains. Idempotent.
    Result<void> activate(const VerifyLibrary &verify);

    /// Takes everything back and destroys. An error names what still runs; the plugin is then left
    /// as it is, because destroying it under running code would crash.
    Result<void> deactivate(std::chrono::milliseconds deadline);

    /// The plugin's interface, or K2S_E_UNSUPPORTED with a message that names both.
    template <class Table> Result<const Table *> find(std::string_view id) {
        const void *table = state_ == PluginState::created ? query(id) : nullptr;
        if (table == nullptr) {
            return missing(id);
        }
        if constexpr (!std::is_void_v<Table>) { // what a later minor adds is asked for where it is
                                                // used
            if (static_cast<const Table *>(table)->struct_size < sizeof(Table)) {
                return fail(
                    K2S_E_UNSUPPORTED,
                    "plugin '{}' offers {} with a table of {} bytes, {} are needed: build it "
                    "with the headers of the plugin ABI",
                    manifest_.id, id, static_cast<const Table *>(table)->struct_size,
                    sizeof(Table));
            }
        }
        return static_cast<const Table *>(table);
    }

    /// Runs a command; the exit code. [may-block]
    Result<int> run(const k2s_invocation &call);

    Result<k2s_handle> start_service(std::string_view feature, std::string_view instance,
                                     std::string_view settings);
    Result<void> reload_service(k2s_handle service, std::string_view settings);
    /// Nothing happens when the plugin cannot do that: stop_service() drains as well.
    void begin_drain(k2s_handle service, std::chrono::milliseconds deadline);
    Result<void> stop_service(k2s_handle service, std::chrono::milliseconds deadline);
    /// The service's own state, a JSON object as text. [any-thread]
    Result<std::string> service_status(k2s_handle service);

    /// Nothing when healthy or when the plugin has no opinion. [any-thread]
    std::optional<Error> unhealthy();

    /// Tells the plugin that its settings changed; K2S_OK when it does not listen.
    Result<void> reconfigure();

    /// The plugin's part of a step (K2S_STEP_*); whether it has one. [any-thread, may-block]
    Result<bool> step(uint32_t step, std::chrono::milliseconds deadline);

    /// Waits for the plugin's strand: it moves.
    void touch();

    /// How its code does that runs elsewhere; null for one that runs here. [any-thread]
    nlohmann::ordered_json code_state() const {
        return code_.state ? code_.state() : nlohmann::ordered_json();
    }
    /// Brings metrics here that are counted elsewhere. [any-thread, may-block]
    void collect_metrics() const {
        if (code_.collect_metrics) {
            code_.collect_metrics();
        }
    }

    /// The plugin's diagnostics as JSON text; "null" when it has none. [any-thread]
    Result<std::string> diagnostics();

  private:
    const void *query(std::string_view id) const;
    std::unexpected<Error> missing(std::string_view id) const;
    Result<void> load(const VerifyLibrary &verify);
    Result<void> create();
    /// Calls into the plugin on its strand and translates the status.
    template <class Call> Result<int32_t> call(std::string_view what, Call &&body);
    /// Calls a function of `Table` that may run beside everything else but destroy. Nothing when
    /// the plugin does not offer it or is not active.
    template <class Table, class Call>
    Result<std::optional<int32_t>> call_beside(std::string_view id, Call &&body);

    const Manifest &manifest_;
    const boost::filesystem::path folder_;
    const Place place_;
    Services &services_;
    std::unique_ptr<PluginScope> scope_;
    const LoadCode load_code_;
    PluginCode code_;
    std::shared_ptr<void> held_;  ///< the library's open file
    std::shared_ptr<void> trial_; ///< until create has come back
    const k2s_plugin *plugin_ = nullptr;
    std::atomic<PluginState> state_ = PluginState::discovered;
    std::shared_timed_mutex in_use_; ///< shared by calls beside; alone by what ends the plugin
    std::optional<Error> failure_;
};

/// "storage.so", "storage.dll".
std::string library_file_name(const Manifest &manifest);

} // namespace k2s::core
