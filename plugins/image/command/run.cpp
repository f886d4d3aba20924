// SPDX-License-Identifier: MIT
#include "command/run.hpp"

#include <utility>

#include "command/common.hpp"

namespace k2s::image {

Status run_command(const Invocation &call, const Host &host) {
    using Command = Status (*)(const Invocation &, const Host &);
    static constexpr std::pair<std::string_view, Command> commands[] = {
        {"image build", run_build},
        {"image build-pause", run_build_pause},
        {"image export", run_export},
        {"image import", run_import},
        {"image inspect", run_inspect},
        {"image load", run_load},
        {"image ls", run_list},
        {"image prune", run_prune},
        {"image pull", run_pull},
        {"image push", run_push},
        {"image reset-win-storage", run_reset_storage},
        {"image rm", run_remove},
        {"image tag", run_tag},
        {"image verify", run_verify},
    };
    for (const auto &[name, run] : commands) {
        if (call.command() == name) {
            return run(call, host);
        }
    }
    return Error{K2S_E_UNSUPPORTED,
                 "the plugin image has no command '" + std::string(call.command()) + "'"};
}

} // namespace k2s::image
