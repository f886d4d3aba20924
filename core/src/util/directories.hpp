// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "util/path.hpp"
#include "util/result.hpp"

namespace k2s::core {

/// Everything about the machine and the user that decides where our files lie. Tests make their
/// own.
struct Surroundings {
    std::function<std::optional<std::string>(const char *)> env; ///< trusted variables only
    bool privileged = false;     ///< is_privileged(): ignore per-user files
    bool system_account = false; ///< is_system_account(): use the system's directories
    fs::path executable;         ///< empty when unknown
    fs::path system_config;      ///< /etc/k2s, %ProgramData%\K2s
    fs::path system_state;       ///< /var/lib/k2s, %ProgramData%\K2s
    fs::path system_run;         ///< /run/k2s, %ProgramData%\K2s
    fs::path default_log_root;   ///< /var/log, %SystemDrive%\var\log

    /// Those of this process; read once.
    static const Surroundings &real();
};

/// k2s.yaml, k2s.yml and k2s.json in the system's configuration directory, in the order of search.
std::vector<fs::path> system_config_files(const Surroundings &where = Surroundings::real());

/// The same names in the user's directory; none for a privileged process or a user without a home.
std::vector<fs::path> user_config_files(const Surroundings &where = Surroundings::real());

/// XDG_CONFIG_HOME/k2s or ~/.config/k2s; %APPDATA%\K2s. Nothing for a privileged process.
std::optional<fs::path> user_config_dir(const Surroundings &where = Surroundings::real());

/// The user's home directory (HOME, USERPROFILE), when it is known and absolute.
std::optional<fs::path> home_dir(const Surroundings &where = Surroundings::real());

/// What lives as long as the installation: the system's for the system account, else
/// XDG_STATE_HOME/k2s (~/.local/state/k2s); %LOCALAPPDATA%\K2s. Linux: K2S_STATE_DIR goes before
/// all.
Result<fs::path> state_dir(const Surroundings &where = Surroundings::real());

/// Sockets and what dies with the session: /run/k2s, XDG_RUNTIME_DIR/k2s; else the state directory.
/// Linux: K2S_RUN_DIR goes before all.
Result<fs::path> run_dir(const Surroundings &where = Surroundings::real());

} // namespace k2s::core
