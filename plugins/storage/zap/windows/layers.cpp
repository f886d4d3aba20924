// SPDX-License-Identifier: MIT
#include "../layers.hpp"

#include <algorithm>
#include <memory>
#include <system_error>

#include <windows.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <k2s/sdk/read_file.hpp>

#include "../paths.hpp"
#include "native.hpp"

namespace k2s::zap {
namespace {

constexpr size_t k_max_chain_bytes = 1 << 20;
constexpr size_t k_max_layers = 100'000;

/// vmcompute.dll's view of a store (hcsshim has the same): 1 is the filter driver's.
struct DriverInfo {
    int32_t flavour;
    const wchar_t *home;
};
using DestroyLayerFn = HRESULT(WINAPI *)(const DriverInfo *, const wchar_t *);
using HcsDestroyLayerFn = HRESULT(WINAPI *)(const wchar_t *);

struct Call {
    DestroyLayerFn destroy = nullptr;
    HcsDestroyLayerFn hcs_destroy = nullptr;
    std::wstring path;
    HRESULT result = E_FAIL;
};

DWORD WINAPI run(void *context) {
    // Shared, because the waiter may have given up and be gone when the call returns.
    const std::unique_ptr<std::shared_ptr<Call>> held{
        static_cast<std::shared_ptr<Call> *>(context)};
    Call &call = **held;
    if (call.destroy != nullptr) {
        const DriverInfo filter{1, L""};
        call.result = call.destroy(&filter, call.path.c_str());
    } else {
        call.result = call.hcs_destroy(call.path.c_str());
    }
    return 0;
}

std::string hresult_text(HRESULT result) {
    // Win32 errors are wrapped; others have texts of their own.
    const auto code = static_cast<uint32_t>(result);
    const bool wrapped = (code & 0xFFFF0000) == 0x80070000;
    const std::string text =
        std::system_category().message(static_cast<int>(wrapped ? code & 0xFFFF : code));
    return fmt::format("HRESULT 0x{:08x}{}{}", code, text.empty() ? "" : ": ", text);
}

std::vector<fs::path> chain_of(const fs::path &layer) {
    std::vector<fs::path> chain;
    std::string text;
    if (!read_file(text_of(layer / L"layerchain.json"), k_max_chain_bytes, text).ok()) {
        return chain;
    }
    const auto json = nlohmann::json::parse(text, nullptr, false);
    if (json.is_array()) {
        for (const auto &below : json) {
            if (below.is_string()) {
                chain.push_back(path_of(below.get_ref<const std::string &>()));
            }
        }
    }
    return chain;
}

bool is_layer(const fs::path &folder) {
    const auto has = [&](const wchar_t *name) {
        return GetFileAttributesW(long_form(folder / name).c_str()) != INVALID_FILE_ATTRIBUTES;
    };
    return has(L"layerchain.json") || has(L"Files") || has(L"sandbox.vhdx") || has(L"blank.vhdx");
}

std::vector<fs::path> folders_in(const fs::path &folder) {
    std::vector<fs::path> found;
    std::vector<Entry> batch;
    std::error_code failed;
    Dir dir = Dir::open(folder, failed);
    while (!failed && found.size() < k_max_layers && dir.list(batch, false, failed)) {
        for (const Entry &entry : batch) {
            if (entry.directory) {
                found.push_back(folder / entry.name);
            }
        }
    }
    return found;
}

} // namespace

struct LayerStore::State {
    DestroyLayerFn destroy = nullptr;
    HcsDestroyLayerFn hcs_destroy = nullptr;
    uint64_t timeout_ms = 0;
};

LayerStore::LayerStore(const Options &options) : state_{new State} {
    state_->timeout_ms = options.layer_ms;
    const auto load = [&](const wchar_t *name) {
        return options.library_folder.empty()
                   ? LoadLibraryExW(name, nullptr, LOAD_LIBRARY_SEARCH_SYSTEM32)
                   : LoadLibraryExW((path_of(options.library_folder) / name).c_str(), nullptr,
                                    LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR |
                                        LOAD_LIBRARY_SEARCH_SYSTEM32);
    };
    const auto find = [](HMODULE library, const char *name) {
        return library != nullptr ? reinterpret_cast<void *>(GetProcAddress(library, name))
                                  : nullptr;
    };
    state_->destroy =
        reinterpret_cast<DestroyLayerFn>(find(load(L"vmcompute.dll"), "DestroyLayer"));
    if (state_->destroy == nullptr) {
        state_->hcs_destroy = reinterpret_cast<HcsDestroyLayerFn>(
            find(load(L"computestorage.dll"), "HcsDestroyLayer"));
    }
}

LayerStore::~LayerStore() {
    delete state_; // the libraries stay: a call that never returned may still be in one
}

void LayerStore::acquire_privileges(std::vector<std::string> &warnings) {
    HANDLE token = nullptr;
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_ADJUST_PRIVILEGES | TOKEN_QUERY, &token)) {
        return;
    }
    for (const wchar_t *name : {L"SeBackupPrivilege", L"SeRestorePrivilege",
                                L"SeTakeOwnershipPrivilege", L"SeSecurityPrivilege"}) {
        TOKEN_PRIVILEGES wanted{1, {{{}, SE_PRIVILEGE_ENABLED}}};
        if (!LookupPrivilegeValueW(nullptr, name, &wanted.Privileges[0].Luid) ||
            !AdjustTokenPrivileges(token, FALSE, &wanted, 0, nullptr, nullptr) ||
            GetLastError() == ERROR_NOT_ALL_ASSIGNED) {
            warnings.push_back(
                fmt::format("the right {} is missing: run it elevated if something cannot be "
                            "removed",
                            text_of(fs::path{name})));
        }
    }
    CloseHandle(token);
}

std::vector<fs::path> LayerStore::find(const Target &target) const {
    const fs::path folder = target.path();
    if (state_->destroy == nullptr && state_->hcs_destroy == nullptr) {
        return {};
    }
    if (is_layer(folder)) {
        return {folder};
    }
    std::vector<std::pair<fs::path, std::vector<fs::path>>> layers;
    for (const auto &path : folders_in(folder)) {
        if (is_layer(path)) {
            layers.emplace_back(path, chain_of(path));
        }
    }
    return layer_order(layers);
}

std::vector<std::string> LayerStore::built_on(const Target &target) const {
    std::vector<std::string> dependents;
    if (!is_layer(target.path())) {
        return dependents;
    }
    for (const auto &path : folders_in(target.parent)) {
        const auto chain = chain_of(path);
        if (std::any_of(chain.begin(), chain.end(), [&](const fs::path &below) {
                return same_name(below.filename(), target.name);
            })) {
            dependents.push_back(
                fmt::format("layer '{}' is built on it", text_of(path.filename())));
        }
    }
    return dependents;
}

std::expected<bool, Error> LayerStore::destroy(const fs::path &layer) {
    if (state_->destroy == nullptr && state_->hcs_destroy == nullptr) {
        return false;
    }
    const char *const function = state_->destroy != nullptr
                                     ? "DestroyLayer (vmcompute.dll)"
                                     : "HcsDestroyLayer (computestorage.dll)";
    auto call = std::make_shared<Call>(Call{state_->destroy, state_->hcs_destroy, layer.native()});
    auto held = std::make_unique<std::shared_ptr<Call>>(call);
    // In a thread: the call waits for a service and has no time limit of its own.
    HANDLE thread = CreateThread(nullptr, 0, run, held.get(), 0, nullptr);
    if (thread == nullptr) {
        return std::unexpected(
            Error{K2S_E_FAILED, fmt::format("cannot start a thread: {}",
                                            windows_error(GetLastError()).message())});
    }
    (void)held.release();
    const DWORD waited = WaitForSingleObject(thread, static_cast<DWORD>(state_->timeout_ms));
    CloseHandle(thread);
    if (waited != WAIT_OBJECT_0) {
        return std::unexpected(
            Error{K2S_E_TIMEOUT,
                  fmt::format("{} has not destroyed '{}' within {} ms: look at the Host Compute "
                              "Service (vmcompute), or raise -layer-timeout",
                              function, text_of(layer), state_->timeout_ms)});
    }
    if (FAILED(call->result)) {
        return std::unexpected(
            Error{call->result == E_ACCESSDENIED ? K2S_E_PERMISSION : K2S_E_FAILED,
                  fmt::format("{} failed for '{}': {}", function, text_of(layer),
                              hresult_text(call->result))});
    }
    return true;
}

std::expected<void, Error> LayerStore::knows_next_start() {
    return {};
}

std::expected<void, Error> LayerStore::at_next_start(const fs::path &folder) const {
    // The list that the system works off is flat: files and folders in the order of the calls, so
    // what is below comes first.
    std::vector<Entry> batch;
    std::error_code failed;
    Dir dir = Dir::open(folder, failed);
    while (!failed && dir.list(batch, false, failed)) {
        for (const Entry &entry : batch) {
            const fs::path path = folder / entry.name;
            if (entry.directory) {
                if (auto below = at_next_start(path); !below) {
                    return below;
                }
            } else if (!MoveFileExW(long_form(path).c_str(), nullptr,
                                    MOVEFILE_DELAY_UNTIL_REBOOT)) {
                return std::unexpected(
                    Error{K2S_E_PERMISSION,
                          fmt::format("cannot have '{}' removed at the next start: {}",
                                      text_of(path), windows_error(GetLastError()).message())});
            }
        }
    }
    if (!MoveFileExW(long_form(folder).c_str(), nullptr, MOVEFILE_DELAY_UNTIL_REBOOT)) {
        return std::unexpected(
            Error{K2S_E_PERMISSION,
                  fmt::format("cannot have '{}' removed at the next start: {}", text_of(folder),
                              windows_error(GetLastError()).message())});
    }
    return {};
}

} // namespace k2s::zap
