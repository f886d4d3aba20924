// SPDX-License-Identifier: MIT
#include "util/directories.hpp"

#include <windows.h>

#include "util/environment.hpp"
#include "util/privilege.hpp"

namespace k2s::core {
namespace {

std::wstring system_drive() {
    wchar_t folder[MAX_PATH];
    const UINT length = ::GetSystemWindowsDirectoryW(folder, MAX_PATH);
    return length >= 2 && length < MAX_PATH ? std::wstring(folder, 2) : std::wstring(L"C:");
}

// %ProgramData% from the registry, not from the environment: a user may set the variable for their
// own elevated programs and so plant configuration.
fs::path program_data(const std::wstring &drive) {
    wchar_t text[MAX_PATH];
    DWORD size = sizeof text;
    constexpr const wchar_t *k_key =
        L"SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\ProfileList";
    if (::RegGetValueW(HKEY_LOCAL_MACHINE, k_key, L"ProgramData",
                       RRF_RT_REG_SZ | RRF_RT_REG_EXPAND_SZ | RRF_NOEXPAND, nullptr, text,
                       &size) == ERROR_SUCCESS) {
        std::wstring value(text);
        constexpr std::wstring_view k_variable = L"%SystemDrive%";
        if (value.starts_with(k_variable)) {
            value.replace(0, k_variable.size(), drive);
        }
        if (value.find(L'%') == std::wstring::npos && value.size() > 3 && value[1] == L':') {
            return fs::path(value);
        }
    }
    return fs::path(drive + L"\\ProgramData");
}

std::optional<fs::path> absolute_variable(const Surroundings &where, const char *name) {
    if (const auto value = where.env(name)) {
        fs::path folder = path_from_utf8(*value);
        if (folder.is_absolute()) {
            return folder;
        }
    }
    return std::nullopt;
}

} // namespace

const Surroundings &Surroundings::real() {
    static const Surroundings found = [] {
        Surroundings where;
        where.env = environment;
        where.privileged = is_privileged();
        where.system_account = is_system_account();
        if (const auto &executable = executable_path()) {
            where.executable = *executable;
        }
        const std::wstring drive = system_drive();
        where.system_config = program_data(drive) / L"K2s";
        where.system_state = where.system_config;
        where.system_run = where.system_config;
        where.default_log_root = fs::path(drive + L"\\var\\log");
        return where;
    }();
    return found;
}

std::optional<fs::path> home_dir(const Surroundings &where) {
    return absolute_variable(where, "USERPROFILE");
}

std::optional<fs::path> user_config_dir(const Surroundings &where) {
    if (where.privileged) {
        return std::nullopt;
    }
    if (auto folder = absolute_variable(where, "APPDATA")) {
        return *folder / L"K2s";
    }
    return std::nullopt;
}

Result<fs::path> state_dir(const Surroundings &where) {
    if (where.system_account) {
        return where.system_state;
    }
    if (auto folder = absolute_variable(where, "LOCALAPPDATA")) {
        return *folder / L"K2s";
    }
    return fail(K2S_E_CONFIG,
                "no directory for this user's state: LOCALAPPDATA is not an absolute path; set it");
}

Result<fs::path> run_dir(const Surroundings &where) {
    if (where.system_account) {
        return where.system_run;
    }
    return state_dir(where);
}

} // namespace k2s::core
