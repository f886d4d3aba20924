// SPDX-License-Identifier: MIT
#include "util/directories.hpp"

#include "util/environment.hpp"
#include "util/privilege.hpp"

namespace k2s::core {
namespace {

// The XDG base directory specification: a relative value is invalid and must be ignored.
std::optional<fs::path> absolute_variable(const Surroundings &where, const char *name) {
    if (auto value = where.env(name); value && value->front() == '/') {
        return fs::path(*value);
    }
    return std::nullopt;
}

std::optional<fs::path> xdg(const Surroundings &where, const char *name, const char *below_home) {
    if (auto folder = absolute_variable(where, name)) {
        return *folder / "k2s";
    }
    if (auto home = home_dir(where)) {
        return *home / below_home / "k2s";
    }
    return std::nullopt;
}

} // namespace

const Surroundings &Surroundings::real() {
    static const Surroundings found = [] {
        Surroundings where;
        where.env = [](const char *name) -> std::optional<std::string> {
            return environment_is_trusted() ? environment(name) : std::nullopt;
        };
        where.privileged = is_privileged();
        where.system_account = is_system_account();
        if (const auto &executable = executable_path()) {
            where.executable = *executable;
        }
        where.system_config = "/etc/k2s";
        where.system_state = "/var/lib/k2s";
        where.system_run = "/run/k2s";
        where.default_log_root = "/var/log";
        return where;
    }();
    return found;
}

std::optional<fs::path> home_dir(const Surroundings &where) {
    return absolute_variable(where, "HOME");
}

std::optional<fs::path> user_config_dir(const Surroundings &where) {
    if (where.privileged) {
        return std::nullopt;
    }
    return xdg(where, "XDG_CONFIG_HOME", ".config");
}

// root's places can be moved too (a container without a writable /var, the tests). Windows has no
// such variables: there, a user's variables reach their elevated programs.
Result<fs::path> state_dir(const Surroundings &where) {
    if (auto folder = absolute_variable(where, "K2S_STATE_DIR")) {
        return *folder;
    }
    if (where.system_account) {
        return where.system_state;
    }
    if (auto folder = xdg(where, "XDG_STATE_HOME", ".local/state")) {
        return *folder;
    }
    return fail(K2S_E_CONFIG,
                "no directory for this user's state: neither XDG_STATE_HOME nor HOME is "
                "an absolute path; set one of them");
}

Result<fs::path> run_dir(const Surroundings &where) {
    if (auto folder = absolute_variable(where, "K2S_RUN_DIR")) {
        return *folder;
    }
    if (where.system_account) {
        return where.system_run;
    }
    if (auto folder = absolute_variable(where, "XDG_RUNTIME_DIR")) {
        return *folder / "k2s";
    }
    return state_dir(where);
}

} // namespace k2s::core
