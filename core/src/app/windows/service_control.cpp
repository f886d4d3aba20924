// SPDX-License-Identifier: MIT
#include "app/service_control.hpp"

#include <mutex>

#include <windows.h>

#include <tlhelp32.h>

namespace k2s::core {
namespace {

constexpr DWORD k_start_hint_ms = 60'000;
constexpr DWORD k_stop_hint_ms = 60'000;

/// The one service of this process; the manager's callbacks carry no context of ours.
struct Run {
    Cancellation &cancellation;
    const std::function<int(const Ready &)> &body;
    int code = 1;
    SERVICE_STATUS_HANDLE handle = nullptr;
    std::mutex mutex;
    DWORD state = SERVICE_START_PENDING;
};
Run *current = nullptr;

/// A state never goes back: a stop that comes before "running" stays a stop.
void report(DWORD state, DWORD hint_ms) {
    const std::lock_guard lock(current->mutex);
    if (current->state == SERVICE_STOP_PENDING && state == SERVICE_RUNNING) {
        return;
    }
    current->state = state;
    SERVICE_STATUS status{};
    status.dwServiceType = SERVICE_WIN32_OWN_PROCESS;
    status.dwCurrentState = state;
    status.dwWaitHint = hint_ms;
    if (state == SERVICE_RUNNING) {
        status.dwControlsAccepted =
            SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_SHUTDOWN | SERVICE_ACCEPT_PARAMCHANGE;
    }
    if (state == SERVICE_STOPPED && current->code != 0) {
        status.dwWin32ExitCode = ERROR_SERVICE_SPECIFIC_ERROR;
        status.dwServiceSpecificExitCode = static_cast<DWORD>(current->code);
    }
    SetServiceStatus(current->handle, &status);
}

DWORD WINAPI on_control(DWORD control, DWORD, void *, void *) {
    switch (control) {
    case SERVICE_CONTROL_STOP:
    case SERVICE_CONTROL_SHUTDOWN:
        report(SERVICE_STOP_PENDING, k_stop_hint_ms);
        current->cancellation.request(control == SERVICE_CONTROL_STOP ? StopReason::requested
                                                                      : StopReason::shutdown);
        return NO_ERROR;
    case SERVICE_CONTROL_PARAMCHANGE:
        current->cancellation.request_reload();
        return NO_ERROR;
    case SERVICE_CONTROL_INTERROGATE:
        return NO_ERROR;
    default:
        return ERROR_CALL_NOT_IMPLEMENTED;
    }
}

void WINAPI service_main(DWORD, LPWSTR *) {
    current->handle = RegisterServiceCtrlHandlerExW(L"", on_control, nullptr);
    if (current->handle == nullptr) {
        return;
    }
    report(SERVICE_START_PENDING, k_start_hint_ms);
    current->code = current->body([] { report(SERVICE_RUNNING, 0); });
    report(SERVICE_STOPPED, 0);
}

/// Whether the service manager is this process's parent. Asking the dispatcher instead can take
/// half a minute for a program that somebody else started.
bool started_by_service_manager() {
    HANDLE snapshot = CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0);
    if (snapshot == INVALID_HANDLE_VALUE) {
        return false;
    }
    DWORD parent = 0;
    DWORD manager = 0;
    PROCESSENTRY32W entry{};
    entry.dwSize = sizeof(entry);
    for (BOOL more = Process32FirstW(snapshot, &entry); more != 0;
         more = Process32NextW(snapshot, &entry)) {
        if (entry.th32ProcessID == GetCurrentProcessId()) {
            parent = entry.th32ParentProcessID;
        } else if (lstrcmpiW(entry.szExeFile, L"services.exe") == 0) {
            manager = entry.th32ProcessID;
        }
    }
    CloseHandle(snapshot);
    return manager != 0 && parent == manager;
}

} // namespace

int run_as_service(Cancellation &cancellation, const std::function<int(const Ready &)> &body) {
    if (!started_by_service_manager()) {
        return body([] {});
    }
    Run run{cancellation, body};
    current = &run;
    wchar_t no_name[] = L""; // ignored for a process with one service
    const SERVICE_TABLE_ENTRYW table[] = {{no_name, service_main}, {nullptr, nullptr}};
    StartServiceCtrlDispatcherW(table); // until the service has stopped
    return run.code;
}

void tell_service_manager(ServiceState) {} // it hears of them by SetServiceStatus, or not at all

void report_failed_start(int exit_code) {
    if (current == nullptr && started_by_service_manager()) {
        Cancellation nobody_asks;
        run_as_service(nobody_asks, [exit_code](const Ready &) { return exit_code; });
    }
}

} // namespace k2s::core
