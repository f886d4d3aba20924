// SPDX-License-Identifier: MIT
#include "app/host_steps.hpp"

#include <ranges>

#include <k2s/abi/draft/lifecycle.h>

#include "app/app.hpp"
#include "app/output.hpp"
#include "app/watchdog.hpp"
#include "process/process.hpp"
#include "util/path.hpp"
#include "util/utf8.hpp"

namespace k2s::core {
namespace {

// For the plugins' part of a stop, all together: Windows gives a service little time at shutdown.
constexpr std::chrono::milliseconds k_stop_steps{25'000};
constexpr std::chrono::milliseconds k_grace{10'000};
constexpr std::size_t k_output_max = 4096;

const char *step_name(uint32_t step) {
    return step == K2S_STEP_STARTED    ? "started"
           : step == K2S_STEP_STOPPING ? "stopping"
                                       : "shutdown";
}

} // namespace

HostSteps::~HostSteps() = default; // the thread is asked to stop and joined

std::optional<HostSteps::Hook> HostSteps::hook(const char *step) const {
    const auto *entry = app_.config()->find(std::string("/hooks/") + step);
    if (entry == nullptr || !entry->value("enabled", true)) {
        return std::nullopt;
    }
    const double seconds =
        entry->value("deadline_seconds", std::string_view(step) == "started" ? 900.0 : 25.0);
    return Hook{entry->at("command").get<std::vector<std::string>>(),
                std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000))};
}

void HostSteps::run_plugin(PluginInstance &plugin, uint32_t step,
                           std::chrono::milliseconds deadline) const {
    if (const auto done = plugin.step(step, deadline); !done) {
        app_.logger().write(k_level_error, "host", "a lifecycle step failed",
                            {{"plugin", std::string_view(plugin.manifest().id)},
                             {"step", std::string_view(step_name(step))},
                             {"reason", std::string_view(done.error().message)}});
    }
}

void HostSteps::run_hook(const Hook &hook, const char *step, std::stop_token cancel) const {
    process::Spec spec;
    spec.program = path_from_utf8(hook.command.front());
    spec.arguments.assign(hook.command.begin() + 1, hook.command.end());
    spec.set_environment = {{"K2S_STEP", step}};
    std::string output;
    spec.out = process::Output::append(output, k_output_max);
    spec.err = process::Output::append(output, k_output_max);
    spec.deadline = hook.deadline;
    spec.cancel = std::move(cancel);
    const auto ended = process::run(std::move(spec));
    const std::string how = ended ? process::describe(*ended) : ended.error().message;
    const std::string said = lossy_utf8(output);
    const bool good = ended && ended->succeeded();
    app_.logger().write(good ? k_level_info : k_level_error, "host",
                        good ? "hook ended" : "hook failed",
                        {{"step", std::string_view(step)},
                         {"program", std::string_view(hook.command.front())},
                         {"end", std::string_view(how)},
                         {"output", std::string_view(said)}});
}

void HostSteps::started() {
    auto plugins = app_.plugins().active();
    auto command = hook("started");
    if (plugins.empty() && !command) {
        return;
    }
    beside_ = std::jthread([this, plugins = std::move(plugins),
                            command = std::move(command)](const std::stop_token &stop) {
        for (PluginInstance *plugin : plugins) {
            if (stop.stop_requested()) {
                return;
            }
            run_plugin(*plugin, K2S_STEP_STARTED, {});
        }
        if (command && !stop.stop_requested()) {
            run_hook(*command, "started", stop);
        }
    });
}

void HostSteps::stopping(StopReason reason) {
    const bool shutdown = reason == StopReason::shutdown;
    auto command = shutdown ? hook("shutdown") : std::nullopt;
    if (!command) {
        command = hook("stopping");
    }
    const Watchdog watchdog(
        k_stop_steps + k_grace + (command ? command->deadline : std::chrono::milliseconds()),
        [this] {
            write_err(app_.tool().name +
                      ": a lifecycle step of a plugin hangs: ending without it\n");
            end_process(exit_code(K2S_E_TIMEOUT));
        });
    if (beside_.joinable()) {
        beside_.request_stop();
        beside_.join();
    }
    const uint32_t step = shutdown ? K2S_STEP_SHUTDOWN : K2S_STEP_STOPPING;
    if (command) {
        run_hook(*command, step_name(step), {});
    }
    for (PluginInstance *plugin : app_.plugins().active() | std::views::reverse) {
        run_plugin(*plugin, step, k_stop_steps);
    }
}

} // namespace k2s::core
