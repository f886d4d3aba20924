// SPDX-License-Identifier: MIT
/// \file
/// A plugin that runs in a k2s-worker. To the rest of the core it is a plugin like any other: a
/// descriptor and tables, whose functions call the worker.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include <nlohmann/json.hpp>

#include <k2s/abi/commands.h>
#include <k2s/abi/plugin.h>

#include "isolation/connection.hpp"
#include "isolation/limits.hpp"
#include "isolation/worker_process.hpp"
#include "manifest/manifest.hpp"
#include "services/plugin_scope.hpp"

namespace k2s::core::isolation {

/// What a worker is started with.
struct WorkerPlan {
    process::fs::path program; ///< k2s-worker
    process::fs::path library;
    process::NativeHandle file; ///< the library, open and checked
    std::shared_ptr<void> held; ///< keeps it open
    const Manifest *manifest;
    WorkerLimits limits;
    std::function<std::chrono::milliseconds()> create_time;
    /// Writes down that the plugin is not to be started again, and why.
    std::function<void(const std::string &why)> quarantine = {};
    /// Whether somebody has lifted that.
    std::function<bool()> lifted = {};
};

class RemotePlugin {
  public:
    explicit RemotePlugin(WorkerPlan plan);
    ~RemotePlugin();
    RemotePlugin(const RemotePlugin &) = delete;
    RemotePlugin &operator=(const RemotePlugin &) = delete;

    /// In place of the library's entry: starts the worker, which loads and creates the plugin.
    int32_t enter(const k2s_host *host, const k2s_plugin **plugin, k2s_error *error);

    /// How the worker does, for people. [any-thread]
    nlohmann::ordered_json state() const;

    /// Brings what the worker has counted into the host's metrics. [any-thread, may-block]
    void collect_metrics();

    // --- for the tables (remote_tables.cpp) ---
    Status run(const k2s_invocation &call);
    Status start(std::string_view feature, std::string_view instance, std::string_view settings,
                 k2s_handle &service);
    Status reload(k2s_handle service, std::string_view settings);
    Status begin_drain(k2s_handle service, std::chrono::milliseconds deadline);
    Status stop(k2s_handle service, std::chrono::milliseconds deadline);
    Result<std::string> status(k2s_handle service);
    Status health();
    Status changed();
    Status step(uint32_t step, std::chrono::milliseconds deadline);
    Result<std::string> diagnostics();
    void destroy();
    bool offers(std::string_view id) const;

  private:
    /// One worker and what belongs to it.
    struct Line;
    struct Service {
        std::string feature;
        std::string instance;
        std::string settings;
        k2s_handle there = 0; ///< the worker's; 0: could not be started again
        std::string failure;
    };
    struct End {
        std::chrono::system_clock::time_point time;
        std::string how;
        std::string printed;
    };
    enum class State : uint8_t { down, starting, up, waiting, quarantined };

    void keep();
    Result<std::shared_ptr<Line>> bring_up();
    Result<void> introduce(Line &line);
    Result<void> create(Line &line);
    void restart_services(Line &line);
    void watch(Line &line);
    std::chrono::milliseconds note_end(const Line *line, const std::optional<Error> &failed);
    void close();

    Result<std::shared_ptr<Line>> line();
    Result<std::shared_ptr<Line>> line_now() const;
    Error absence() const;
    Result<Reply> ask(Kind kind, Packer body, Connection::Options options);
    Result<Reply> ask_on(const std::shared_ptr<Line> &line, Kind kind, Packer body,
                         Connection::Options options);
    Result<Service> find(k2s_handle service) const;
    std::function<bool()> cancelled() const;

    const WorkerPlan plan_;
    k2s_plugin descriptor_{};
    PluginScope *scope_ = nullptr;
    std::atomic<uint32_t> offered_{0};
    std::atomic<unsigned> busy_{0};    ///< calls that may hold the worker's strand
    std::atomic<uint64_t> started_{0}; ///< such calls so far

    mutable std::mutex mutex_; ///< the rest
    std::condition_variable news_;
    State state_ = State::down;
    bool wanted_ = false;
    bool entering_ = false; ///< the first start: its failure is enter()'s
    bool closing_ = false;
    std::optional<Error> failure_; ///< of the first start
    std::shared_ptr<Line> line_;   ///< while up
    std::map<k2s_handle, Service> services_;
    k2s_handle last_service_ = 0;
    unsigned ends_ = 0; ///< since the worker was well for a while
    unsigned restarts_ = 0;
    std::optional<End> last_end_;
    std::jthread keeper_; ///< last: it uses the others
};

/// The tables of a RemotePlugin, whose `self` it is; NULL for an unknown id.
const void *remote_table(std::string_view id) noexcept;

/// Bits of what a plugin offers, in the order of this list.
inline constexpr std::string_view k_offers[] = {
    "k2s.commands/1",  "k2s.services/1",    "k2s.health/1", "k2s.reconfigure/1",
    "k2s.lifecycle/1", "k2s.diagnostics/1", "k2s.drain/1"};

} // namespace k2s::core::isolation
