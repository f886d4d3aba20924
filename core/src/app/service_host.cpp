// SPDX-License-Identifier: MIT
#include "app/service_host.hpp"

#include <algorithm>

#include "app/output.hpp"
#include "app/service_control.hpp"
#include "app/verify.hpp"
#include "log/system.hpp"
#include "version.h"

namespace k2s::core {
namespace {

constexpr auto k_deactivate = std::chrono::seconds(5);
constexpr auto k_reload_wait = std::chrono::seconds(50);
// Beyond its own deadlines the shutdown may hang in a plugin: then the process ends without it.
constexpr auto k_grace = std::chrono::seconds(10);

} // namespace

ServiceHost::ServiceHost(App &app, WantedServices wanted)
    : app_(app), wanted_(std::move(wanted)), steps_(app) {}

std::chrono::milliseconds ServiceHost::drain_time() const {
    return app_.limit("drain_seconds");
}

Result<void> ServiceHost::start(const ServiceSpec &spec, PluginInstance &plugin) {
    const auto watchdog = watch(plugin, spec);
    return services_.start(spec, plugin);
}

std::unique_ptr<Watchdog> ServiceHost::watch(const PluginInstance &plugin,
                                             const ServiceSpec &spec) {
    if (plugin.place() == Place::worker) {
        return nullptr; // such calls have deadlines
    }
    const auto limit = app_.limit("create_seconds");
    return std::make_unique<Watchdog>(limit, [this, limit, &plugin, instance = spec.instance] {
        const auto reason = fmt::format("the start of its service '{}' did not return within {} s",
                                        instance, static_cast<double>(limit.count()) / 1000);
        quarantine(plugin.manifest(), plugin.folder(), reason);
        app_.give_up(plugin.manifest().id, reason);
    });
}

void ServiceHost::launch(const ServiceSpec &spec) {
    auto &log = app_.logger();
    Error why{K2S_E_NOT_FOUND, fmt::format("no usable plugin has the feature '{}'", spec.feature)};
    if (const auto index = app_.plugins().find_feature(spec.feature)) {
        auto plugin = app_.plugins().activate(*index, spec.place);
        if (plugin) {
            if (auto started = start(spec, **plugin); !started) {
                log.write(k_level_error, "host", started.error().message);
            } else {
                log.write(k_level_info, "host", "service started", {{"service", spec.instance}});
            }
            return;
        }
        why = plugin.error();
    }
    log.write(k_level_error, "host", fmt::format("service '{}': {}", spec.instance, why.message));
    services_.note_failure(spec, std::move(why));
}

Result<void> ServiceHost::start() {
    auto wanted = wanted_(*app_.config());
    if (!wanted) {
        return pass(wanted);
    }
    std::ranges::for_each(*wanted, [this](const ServiceSpec &spec) { launch(spec); });
    if (wanted->empty() || services_.running() > 0) {
        steps_.started();
        return {};
    }
    const auto why = services_.first_failure();
    const auto left = app_.plugins().deactivate_all(k_deactivate);
    return fail(why.code, "{}{}", why.message,
                left.empty() ? "" : fmt::format(" ({})", fmt::join(left, "; ")));
}

Result<void> ServiceHost::start_all(const std::vector<ServiceSpec> &specs, PluginInstance &plugin) {
    for (const auto &spec : specs) {
        if (auto started = start(spec, plugin); !started) {
            return started;
        }
    }
    const auto sick = plugin.unhealthy();
    return sick ? Result<void>(fail(sick->code, "it is not healthy: {}", sick->message))
                : Result<void>();
}

Result<void> ServiceHost::replace(PluginInstance &old, std::size_t index,
                                  const std::vector<ServiceSpec> &wanted) {
    auto &plugins = app_.plugins();
    const auto before = services_.specs_of(old);
    std::vector<ServiceSpec> after;
    std::ranges::copy_if(wanted, std::back_inserter(after), [&](const ServiceSpec &spec) {
        return std::ranges::find(before, spec.instance, &ServiceSpec::instance) != before.end();
    });
    // Two plugins cannot offer the same contract, so such a one has to end before its successor can
    // begin. Any other proves that it can be created while the old one still serves.
    // Contracts of a worker stay in it.
    const bool alone = old.place() == Place::here && !old.manifest().provided_contracts.empty();
    auto next = alone ? Result<PluginInstance *>(nullptr) : plugins.activate(index, old.place());
    if (!next) {
        return pass(next);
    }
    for (const auto &spec : before) {
        if (auto stopped = services_.stop(spec.instance, drain_time()); !stopped) {
            return stopped;
        }
    }
    Result<void> done;
    if (alone) {
        done = plugins.park(old, k_deactivate);
        next = done ? plugins.activate(index, old.place()) : pass(done);
    }
    done = next ? start_all(after, **next) : pass(next);
    if (done) {
        app_.logger().write(k_level_info, "host", "plugin replaced",
                            {{"plugin", std::string_view(old.manifest().id)},
                             {"version", std::string_view((*next)->manifest().version)}});
        return done;
    }
    const Error why = done.error();
    for (const auto &spec : after) {
        if (services_.plugin_of(spec.instance) != nullptr) {
            static_cast<void>(services_.stop(spec.instance, drain_time())); // it has failed anyway
        }
    }
    if (alone && next) {
        static_cast<void>(plugins.park(**next, k_deactivate));
    }
    done = plugins.revive(old);
    if (done) {
        done = start_all(before, old);
    }
    return fail(
        why.code, "plugin '{}' keeps its version {}: {}{}", old.manifest().id,
        old.manifest().version, why.message,
        done ? std::string()
             : fmt::format("; and that could not be started again: {}", done.error().message));
}

Result<void> ServiceHost::apply(const std::vector<ServiceSpec> &wanted) {
    std::vector<std::string> problems;
    int32_t code = K2S_E_PARTIAL;
    const auto note = [&](const Result<void> &done) {
        if (!done) {
            problems.push_back(done.error().message);
            code = done.error().code;
        }
    };
    for (const auto &present : services_.specs()) {
        const bool stays = std::ranges::any_of(wanted, [&](const ServiceSpec &spec) {
            return spec.instance == present.instance && spec.feature == present.feature &&
                   spec.place == present.place;
        });
        if (!stays) {
            note(services_.stop(present.instance, drain_time()));
        }
    }
    for (const auto &spec : wanted) {
        PluginInstance *old = services_.plugin_of(spec.instance);
        const auto index = app_.plugins().find_feature(spec.feature);
        if (old != nullptr && index && app_.plugins().instance(*index, spec.place) != old) {
            note(replace(*old, *index, wanted));
        }
    }
    const auto present = services_.specs();
    for (const auto &spec : wanted) {
        const PluginInstance *old = services_.plugin_of(spec.instance);
        const auto same = std::ranges::find(present, spec.instance, &ServiceSpec::instance);
        const bool idle = same != present.end() && !services_.is_running(spec.instance);
        if (same == present.end()) {
            launch(spec);
        } else if (idle && (*same == spec || services_.plugin_of(spec.instance) == nullptr)) {
            // What kept it from starting may be mended.
            note(services_.stop(spec.instance, drain_time()));
            launch(spec);
        } else if (*same != spec) {
            const auto watchdog = old != nullptr ? watch(*old, spec) : nullptr;
            note(services_.reload(spec, drain_time()));
        }
    }
    return problems.empty() ? Result<void>() : fail(code, "{}", fmt::join(problems, "; "));
}

Result<void> ServiceHost::reload() {
    auto config = app_.reload();
    auto wanted = config ? wanted_(**config) : pass(config);
    if (!wanted) {
        if (config) {
            app_.rediscover();
        }
        app_.logger().write(k_level_error, "host", "reload refused, the old configuration stays",
                            {{"reason", std::string_view(wanted.error().message)}});
        return pass(wanted);
    }
    app_.adopt(*config);
    auto done = apply(*wanted);
    const auto in_use = [this](const PluginInstance &plugin) {
        return !services_.specs_of(plugin).empty();
    };
    for (const auto &blocker : app_.plugins().park_refused(k_deactivate, in_use)) {
        app_.logger().write(k_level_error, "host", blocker);
    }
    app_.plugins().reconfigure_all(
        [this](const Error &error) { app_.logger().write(k_level_error, "host", error.message); });
    app_.logger().write(done ? k_level_info : k_level_error, "host",
                        done ? "configuration reloaded" : done.error().message);
    return done;
}

Result<void> ServiceHost::reload_now() {
    std::future<Result<void>> done;
    {
        const std::lock_guard lock(reload_mutex_);
        done = reload_waiters_.emplace_back().get_future();
    }
    app_.services().cancellation.request_reload();
    if (done.wait_for(k_reload_wait) != std::future_status::ready) {
        return fail(K2S_E_TIMEOUT, "the host did not reload within {} s", k_reload_wait.count());
    }
    return done.get();
}

int ServiceHost::wait_and_drain() {
    auto &cancellation = app_.services().cancellation;
    cancellation.on_reload([this] {
        // Who asks from here on is answered by the next reload: this one may have read what it is
        // about already.
        decltype(reload_waiters_) waiters;
        {
            const std::lock_guard lock(reload_mutex_);
            waiters.swap(reload_waiters_);
        }
        tell_service_manager(ServiceState::reloading);
        const auto done = reload();
        tell_service_manager(ServiceState::ready);
        for (auto &waiter : waiters) {
            waiter.set_value(done);
        }
    });
    const StopReason reason = cancellation.wait();
    app_.logger().write(k_level_info, "host", "stopping", {{"reason", reason_text(reason)}});
    tell_service_manager(ServiceState::stopping);
    return drain(reason);
}

int ServiceHost::drain(StopReason reason) {
    draining_ = true;
    steps_.stopping(reason);
    const Watchdog watchdog(drain_time() + k_deactivate + k_grace, [this] {
        write_err(app_.tool().name + ": a plugin hangs in its stop: ending without it\n");
        end_process(exit_code(K2S_E_TIMEOUT));
    });
    auto blockers = services_.stop_all(drain_time());
    const auto left = app_.plugins().deactivate_all(k_deactivate);
    blockers.insert(blockers.end(), left.begin(), left.end());
    for (const auto &blocker : blockers) {
        app_.logger().write(k_level_error, "host", blocker);
    }
    return blockers.empty() ? 0 : exit_code(K2S_E_TIMEOUT);
}

bool ServiceHost::ready() const {
    return !draining_ && services_.all_healthy();
}

nlohmann::ordered_json ServiceHost::diagnostics() const {
    auto plugins = nlohmann::ordered_json::object();
    for (PluginInstance *plugin : app_.plugins().active()) {
        auto text = plugin->diagnostics();
        auto told = nlohmann::ordered_json::parse(text.value_or("null"), nullptr, false);
        plugins[plugin->manifest().id] = {
            {"version", plugin->manifest().version},
            {"diagnostics", text && !told.is_discarded() ? std::move(told) : nullptr}};
        if (!text || told.is_discarded()) {
            plugins[plugin->manifest().id]["error"] =
                text ? "its diagnostics are not JSON" : text.error().message;
        }
    }
    return {{"host", state()}, {"plugins", std::move(plugins)}};
}

nlohmann::ordered_json ServiceHost::state() const {
    const auto uptime = std::chrono::duration_cast<std::chrono::seconds>(
        std::chrono::system_clock::now() - started_);
    return {{"version", std::string(k2s_version_string)},
            {"pid", process_id()},
            {"uptime_s", uptime.count()},
            {"state", std::string(draining_                 ? "draining"
                                  : services_.all_running() ? "running"
                                                            : "degraded")},
            {"services", services_.states()}};
}

} // namespace k2s::core
