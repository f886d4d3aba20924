// SPDX-License-Identifier: MIT
#include <windows.h>

#include "vfprules/backend.hpp"
#include "vfprules/restart_watch.hpp"

namespace k2s::vfprules {
namespace {

// Asking costs microseconds; a notification of the service manager ends with the service's deletion
// and has to be asked for again after each change.
constexpr std::chrono::seconds k_pause{1};

/// Of the Host Network Service; 0 while it does not run.
uint32_t hns_process() {
    SC_HANDLE manager = OpenSCManagerW(nullptr, nullptr, SC_MANAGER_CONNECT);
    SC_HANDLE service =
        manager != nullptr ? OpenServiceW(manager, L"hns", SERVICE_QUERY_STATUS) : nullptr;
    SERVICE_STATUS_PROCESS status{};
    DWORD size = 0;
    const bool known = service != nullptr && QueryServiceStatusEx(service, SC_STATUS_PROCESS_INFO,
                                                                  reinterpret_cast<BYTE *>(&status),
                                                                  sizeof(status), &size);
    if (service != nullptr) {
        CloseServiceHandle(service);
    }
    if (manager != nullptr) {
        CloseServiceHandle(manager);
    }
    return known && status.dwCurrentState == SERVICE_RUNNING ? status.dwProcessId : 0;
}

} // namespace

Expected<std::unique_ptr<LossWatch>> LossWatch::open() {
    return std::make_unique<RestartWatch>(hns_process, k_pause);
}

} // namespace k2s::vfprules
