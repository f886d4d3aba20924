// SPDX-License-Identifier: MIT
#pragma once

#include "isolation/inbound.hpp"
#include "isolation/remote_plugin.hpp"
#include "services/services.hpp"

namespace k2s::core::isolation {

/// One worker: its process, the line to it, and what it has of the host.
struct RemotePlugin::Line {
    PluginScope &scope;
    const std::chrono::steady_clock::time_point since = std::chrono::steady_clock::now();
    const std::unique_ptr<WorkerProcess> process;
    Inbound inbound;
    Connection connection; ///< after what its reader uses

    Line(std::unique_ptr<WorkerProcess> worker, std::unique_ptr<Channel> channel,
         PluginScope &plugin)
        : scope(plugin), process(std::move(worker)), inbound(plugin),
          connection(
              std::move(channel),
              [this](Connection &from, const Frame &frame) { return inbound.take(from, frame); },
              [this] { process->wake(); }) {}

    ~Line() {
        connection.finish();
        inbound.release();
    }

    /// What the worker has to know of the host's settings: the log's threshold, and their number.
    void pack_settings(Packer &out) const {
        const Ports &ports = scope.services().ports;
        out.put<int32_t>(ports.log_threshold != nullptr
                             ? static_cast<const volatile int32_t &>(*ports.log_threshold)
                             : K2S_LOG_WARN);
        out.put<uint64_t>(ports.config_generation ? ports.config_generation(scope.id()) : 0);
    }

    /// Ends a worker that does not do what it should; the first reason counts.
    void kill(const std::string &why) {
        {
            const std::lock_guard lock(mutex_);
            killed_ = killed_.empty() ? why : killed_;
        }
        process->kill();
    }

    /// How the worker ended; after its end.
    std::string how() const {
        const auto nonsense = connection.nonsense();
        const std::lock_guard lock(mutex_);
        return !killed_.empty()    ? "was killed: " + killed_
               : !nonsense.empty() ? "was killed: " + nonsense
                                   : process->how();
    }

    /// The error of a call that got no answer: what became of the worker. Ends one that hangs.
    std::unexpected<Error> explain(Error error, std::string_view when, const std::string &plugin) {
        using namespace std::chrono_literals;
        if (error.code == K2S_E_TIMEOUT) {
            kill(fmt::format("it did not answer in time {}", when));
        }
        if (error.code == K2S_E_NO_MEMORY) {
            return std::unexpected(std::move(error));
        }
        const bool ended = process->wait_for(2s);
        if (!ended) {
            kill("it closed its line to the host and went on");
            process->wait_for(8s);
        }
        const auto printed = process->last_lines();
        return fail(error.code == K2S_E_TIMEOUT ? K2S_E_TIMEOUT : K2S_E_FAILED,
                    "the worker of the isolated plugin '{}' {} {}{}", plugin, how(), when,
                    printed.empty() ? "" : "; it printed: " + printed);
    }

  private:
    mutable std::mutex mutex_;
    std::string killed_;
};

} // namespace k2s::core::isolation
