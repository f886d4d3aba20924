// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "util/directories.hpp"

namespace k2s::core {

/// The folder under which each tool has its own folder of log files.
struct LogRoot {
    fs::path path;      ///< exists and can be written
    std::string origin; ///< which rule gave it, for `config show` and messages
    std::string notice; ///< not empty when a preferred folder had to be passed over: say it once
    bool configured =
        false; ///< the folder that was passed over (or taken) was asked for by someone
};

/// First hit: `configured` (from our own configuration; may be empty), K2S_LOG_ROOT, `LogRoot` of
/// setup.json, `configDir.logs` of cfg/config.json below K2S_INSTALL_DIR or one of at most six
/// parents of the executable, the default. `~`, $NAME, ${NAME} and %NAME% are expanded; the folder
/// is created. A folder that cannot be written gives way to the user's own state directory.
Result<LogRoot> resolve_log_root(const std::string &configured, const Surroundings &where);

/// The same for this process, resolved once: the first caller's `configured` counts.
const Result<LogRoot> &log_root(const std::string &configured = {});

/// `text` with a leading `~` and variables replaced; K2S_E_CONFIG for a variable that is not set.
Result<std::string> expand_path(const std::string &text, const Surroundings &where);

/// Creates `folder` and its parents (mode 0755 less umask; the leaf for log files is made private
/// by the file sink) and checks that this process may create files in it.
Result<void> ensure_writable_folder(const fs::path &folder);

} // namespace k2s::core
