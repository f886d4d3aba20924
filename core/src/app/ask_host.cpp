// SPDX-License-Identifier: MIT
/// \file
/// k2s host status|diagnostics|reload|stop: questions to a running host.
#include "app/app.hpp"
#include "app/host_client.hpp"

namespace k2s::core {

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
