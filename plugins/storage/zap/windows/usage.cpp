// SPDX-License-Identifier: MIT
#include "../usage.hpp"

#include <windows.h>

#include <restartmanager.h>

#include <fmt/format.h>

#include "native.hpp"

namespace k2s::zap {
namespace {

constexpr size_t k_max_files = 2000; ///< that the Restart Manager is asked about
constexpr UINT k_max_processes = 16;
constexpr uint32_t k_max_depth = 64;

/// rstrtmgr.dll, loaded when it is needed: base images for containers lack it.
struct RestartManager {
    HMODULE library = LoadLibraryExW(L"rstrtmgr.dll", nullptr, LOAD_LIBRARY_SEARCH_SYSTEM32);
    decltype(&RmStartSession) start = find<decltype(&RmStartSession)>("RmStartSession");
    decltype(&RmRegisterResources) add =
        find<decltype(&RmRegisterResources)>("RmRegisterResources");
    decltype(&RmGetList) list = find<decltype(&RmGetList)>("RmGetList");
    decltype(&RmEndSession) end = find<decltype(&RmEndSession)>("RmEndSession");

    [[nodiscard]] bool complete() const {
        return start != nullptr && add != nullptr && list != nullptr && end != nullptr;
    }

    template <class Function> [[nodiscard]] Function find(const char *name) const {
        return library != nullptr ? reinterpret_cast<Function>(
                                        reinterpret_cast<void *>(GetProcAddress(library, name)))
                                  : nullptr;
    }
};

/// It knows files only, so the first ones of the tree stand for it.
void collect(const fs::path &path, uint32_t depth, std::vector<std::wstring> &files) {
    std::error_code failed;
    std::vector<Entry> batch;
    Dir own = Dir::open(path, failed);
    while (!failed && files.size() < k_max_files && own.list(batch, false, failed)) {
        for (const Entry &entry : batch) {
            if (files.size() == k_max_files) {
                return;
            }
            if (!entry.directory) {
                files.push_back((path / entry.name).native());
            } else if (depth < k_max_depth) {
                collect(path / entry.name, depth + 1, files);
            }
        }
    }
}

} // namespace

std::vector<std::string> users_of(const Target &target) {
    std::vector<std::string> users;
    static const RestartManager manager;
    std::vector<std::wstring> files;
    collect(target.path(), 0, files);
    DWORD session = 0;
    wchar_t key[CCH_RM_SESSION_KEY + 1] = {};
    if (files.empty() || !manager.complete() || manager.start(&session, 0, key) != ERROR_SUCCESS) {
        return users;
    }
    std::vector<const wchar_t *> names;
    for (const auto &file : files) {
        names.push_back(file.c_str());
    }
    RM_PROCESS_INFO processes[k_max_processes] = {};
    UINT needed = 0;
    UINT count = k_max_processes;
    DWORD reasons = 0;
    if (manager.add(session, static_cast<UINT>(names.size()), names.data(), 0, nullptr, 0,
                    nullptr) == ERROR_SUCCESS) {
        const DWORD listed = manager.list(session, &needed, &count, processes, &reasons);
        for (UINT i = 0; listed == ERROR_SUCCESS && i < count; ++i) {
            if (const DWORD id = processes[i].Process.dwProcessId;
                id != 0 && id != GetCurrentProcessId()) {
                users.push_back(fmt::format("process {} ({}) has a file of it open",
                                            processes[i].Process.dwProcessId,
                                            text_of(fs::path{processes[i].strAppName})));
            }
        }
    }
    manager.end(session);
    return users;
}

// Volumes are mounted by reparse points, which are removed like links and never entered.
std::vector<std::string> mounts_of(const Target &) {
    return {};
}

std::expected<std::vector<std::string>, Error> unmount(const Target &) {
    return std::vector<std::string>{};
}

} // namespace k2s::zap
