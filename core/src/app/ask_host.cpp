// SPDX-License-Identifier: MIT
/// \file
/// k2s host status|diagnostics|reload|stop: questions to a running host.
#include "app/app.hpp"
#include "app/host_client.hpp"

namespace k2s::core {

Result<std::vector<std::string>> tell_hosts(App &app) {
    std::vector<std::string> followers;
    Result<void> failed;
    for (const auto &name : host_names(app)) {
        auto told = call_host(app, name, "POST", "/reload");
        if (told) {
            followers.push_back(name);
        } else if (told.error().code != K2S_E_NOT_FOUND && failed) {
            failed = fail(told.error().code, "host '{}': {}", name, told.error().message);
        }
    }
    return failed ? Result<std::vector<std::string>>(std::move(followers)) : pass(failed);
}

std::string follower_text(const std::vector<std::string> &names) {
    return names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "));
}

Result<int> ask_host(App &app) {
    const std::string &what = app.call().command->path.back();
    const bool question = what == "status" || what == "diagnostics";
    auto answer = call_host(app, app.text("name"), question ? "GET" : "POST",
                            what == "status" ? "/state" : "/" + what);
    if (!answer) {
        return pass(answer);
    }
    return app.print(*answer);
}

} // namespace k2s::core
