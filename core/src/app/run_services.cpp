// SPDX-License-Identifier: MIT
#include "app/service_host.hpp"

#include "app/admin.hpp"
#include "app/isolation.hpp"
#include "app/service_control.hpp"

namespace k2s::core {
namespace {

/// Runs a host to its end. `name` is that of its admin endpoint; empty: it has none.
Result<int> run_until_stopped(App &app, WantedServices wanted, const std::string &name) {
    auto &cancellation = app.services().cancellation;
    if (auto installed = cancellation.install(Cancellation::HangUp::reload); !installed) {
        return pass(installed);
    }
    ServiceHost host(app, std::move(wanted));
    Result<int> result = 0;
    const int code = run_as_service(cancellation, [&](const Ready &ready) {
        auto admin = AdminEndpoint::open(app, host, name);
        auto started = admin ? host.start() : pass(admin);
        if (!started) {
            result = pass(started);
            return exit_code(result.error().code);
        }
        ready();
        return host.wait_and_drain();
    });
    return result ? code : result;
}

/// Every enabled entry of `services` whose feature and plugin are not switched off.
std::vector<ServiceSpec> configured_services(const App &app, const Config &config) {
    std::vector<ServiceSpec> list;
    for (const auto &[instance, entry] : config.find("/services")->items()) {
        const auto feature = entry.value("feature", instance);
        if (entry.value("enabled", true) && app.feature_enabled(feature, config, true)) {
            const auto *settings = config.service_settings(instance);
            const auto isolation = entry.find("isolation");
            list.push_back(
                {instance, feature, settings != nullptr ? settings->dump() : "{}",
                 isolation != entry.end() ? to_place(*isolation) : app.place_of(feature, config)});
        }
    }
    return list;
}

/// Without `services` in the configuration: one instance of each service feature that is on.
Result<std::vector<ServiceSpec>> default_services(const App &app, const Config &config) {
    std::vector<ServiceSpec> list;
    for (const auto &schema : app.feature_schemas()) {
        if (!schema.service || !app.feature_enabled(schema.id, config)) {
            continue;
        }
        const auto *configured = config.feature_settings(schema.id);
        auto settings = check_settings(
            schema, configured != nullptr ? *configured : nlohmann::json::object(), schema.id);
        if (!settings) {
            return pass(settings);
        }
        list.push_back({schema.id, schema.id, settings->dump(), app.place_of(schema.id, config)});
    }
    return list;
}

} // namespace

Result<std::vector<ServiceSpec>> services_to_run(const App &app, const Config &config) {
    return config.given().contains("services") ? configured_services(app, config)
                                               : default_services(app, config);
}

Result<int> run_host(App &app) {
    auto checked = check_config(app.config(), app.feature_schemas());
    if (!checked) {
        return pass(checked);
    }
    app.adopt(*checked);
    const bool safe_mode = app.flag("safe-mode");
    return run_until_stopped(
        app,
        [&app, safe_mode](const Config &config) -> Result<std::vector<ServiceSpec>> {
            if (safe_mode) {
                return std::vector<ServiceSpec>();
            }
            return services_to_run(app, config);
        },
        app.text("name"));
}

Result<int> run_service_command(App &app) {
    const Command &command = *app.call().command;
    const std::string &feature = command.feature;
    const auto index = app.plugins().find_feature(feature);
    const Feature *declared = app.plugins().candidates()[*index].manifest.find_feature(feature);
    const FeatureSchema schema{feature, app.plugins().candidates()[*index].manifest.id,
                               declared->config, true};

    // What the command line says wins over the configuration's settings of the feature.
    auto given = nlohmann::json::object();
    for (const auto &value : app.call().options) {
        if (!value.config.empty() && value.origin != Origin::fallback) {
            given[nlohmann::json::json_pointer(value.config)] = value.json();
        }
    }
    const auto wanted = [&app, given, schema,
                         feature](const Config &config) -> Result<std::vector<ServiceSpec>> {
        const auto *configured = config.feature_settings(feature);
        auto settings = configured != nullptr ? *configured : nlohmann::json::object();
        settings.merge_patch(given);
        auto checked = check_settings(schema, std::move(settings), app.tool().name);
        if (!checked) {
            return pass(checked);
        }
        return std::vector<ServiceSpec>{
            {feature, feature, checked->dump(), app.place_of(feature, config)}};
    };
    return run_until_stopped(app, wanted, {});
}

} // namespace k2s::core
