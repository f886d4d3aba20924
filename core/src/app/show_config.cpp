// SPDX-License-Identifier: MIT
/// \file
/// k2s config show|validate|schema.
#include "app/app.hpp"
#include "config/report.hpp"

namespace k2s::core {

Result<int> show_config(App &app) {
    const std::string what = app.call().command->path.back();
    if (what == "schema") {
        return app.print(config_schema(app.feature_schemas()));
    }
    const std::string file = what == "validate" ? app.text("file") : std::string();
    Result<ConfigPtr> config = nullptr;
    if (file.empty()) {
        config = app.load();
    } else {
        LoadOptions options;
        options.file = file;
        options.machine_files = false;
        options.environment = false;
        config = load_config(options);
        if (config) {
            config = check_config(*config, app.feature_schemas());
        }
    }
    if (what == "show") {
        return config ? app.print(config_show(**config, app.flag("origin"))) : pass(config);
    }
    auto printed = app.print(
        config_validation(config ? config->get() : nullptr, config ? nullptr : &config.error()));
    return printed && !config ? exit_code(config.error().code) : printed;
}

} // namespace k2s::core
