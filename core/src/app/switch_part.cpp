// SPDX-License-Identifier: MIT
/// \file
/// k2s plugin|feature enable|disable: remembered, and told to a running host.
#include "app/app.hpp"
#include "app/host_client.hpp"
#include "app/switches.hpp"

namespace k2s::core {

Result<int> switch_part(App &app) {
    const auto &path = app.call().command->path;
    const bool plugin = path.front() == "plugin";
    const bool enabled = path.back() == "enable";
    const std::string id = app.text("id");
    if (!app.knows(plugin ? "plugins" : "features", id)) {
        return fail(K2S_E_NOT_FOUND, "there is no {} '{}': see `k2s {} list`", path.front(), id,
                    path.front());
    }
    nlohmann::ordered_json result{{path.front(), id}, {"enabled", enabled}};
    if (app.dry_run()) {
        result["would"] = fmt::format("remember it and tell the running hosts");
        return app.print(result);
    }
    if (plugin && enabled) {
        const auto index = *app.plugins().find(id);
        auto lifted = lift_quarantine(app.plugins().candidates()[index].manifest,
                                      app.plugins().folder(index));
        if (!lifted) {
            return pass(lifted);
        }
        if (*lifted) {
            result["quarantine"] = "lifted";
        }
    }
    auto file = write_switch(plugin ? "plugins" : "features", id, enabled);
    if (!file) {
        return pass(file);
    }
    result["remembered_in"] = *file;
    auto told = tell_hosts(app);
    if (!told) {
        return pass(told);
    }
    result["running_host"] = follower_text(*told);
    return app.print(result);
}

} // namespace k2s::core
