// SPDX-License-Identifier: MIT
#include "process/test/child.hpp"

#include <cstdlib>

#include <windows.h>
#include <shellapi.h>

#include "process/command.hpp"
#include "util/path.hpp"
#include "util/windows/wide.hpp"

namespace child {

std::vector<std::string> arguments(int, char **) {
    int count = 0;
    wchar_t **wide = ::CommandLineToArgvW(::GetCommandLineW(), &count);
    std::vector<std::string> result;
    for (int n = 0; n < count; ++n) {
        result.push_back(k2s::core::from_wide(wide[n]));
    }
    ::LocalFree(wide);
    return result;
}

namespace {

std::uint64_t start(const std::vector<std::string> &arguments, DWORD flags) {
    auto line = k2s::core::to_wide(k2s::core::process::windows_command_line(
        k2s::core::path_to_utf8(*k2s::core::executable_path()), arguments));
    STARTUPINFOW startup{};
    startup.cb = sizeof startup;
    PROCESS_INFORMATION started{};
    if (::CreateProcessW(nullptr, line.data(), nullptr, nullptr, TRUE, flags, nullptr, nullptr,
                         &startup, &started) == FALSE) {
        return 0;
    }
    ::CloseHandle(started.hThread);
    ::CloseHandle(started.hProcess);
    return started.dwProcessId;
}

} // namespace

std::uint64_t start_plain(const std::vector<std::string> &arguments) {
    return start(arguments, 0);
}

std::uint64_t start_escaped(const std::vector<std::string> &arguments) {
    // To leave the job is asked for, and has to be refused or without effect.
    const auto away = start(arguments, DETACHED_PROCESS | CREATE_BREAKAWAY_FROM_JOB);
    return away != 0 ? away : start(arguments, DETACHED_PROCESS);
}

void kill_only(std::uint64_t process) {
    HANDLE handle =
        ::OpenProcess(PROCESS_TERMINATE | SYNCHRONIZE, FALSE, static_cast<DWORD>(process));
    ::TerminateProcess(handle, 9);
    ::WaitForSingleObject(handle, 5000);
    ::CloseHandle(handle);
}

bool is_alive(std::uint64_t process) {
    HANDLE handle = ::OpenProcess(SYNCHRONIZE, FALSE, static_cast<DWORD>(process));
    if (handle == nullptr) {
        return false;
    }
    const bool alive = ::WaitForSingleObject(handle, 0) == WAIT_TIMEOUT;
    ::CloseHandle(handle);
    return alive;
}

void write_to(const std::string &handle_number, const std::string &text) {
    DWORD written = 0;
    ::WriteFile(reinterpret_cast<HANDLE>(std::strtoull(handle_number.c_str(), nullptr, 10)),
                text.data(), static_cast<DWORD>(text.size()), &written, nullptr);
}

std::string open_handles() {
    return {};
}

void crash() {
    ::SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX);
    ::RaiseException(EXCEPTION_ACCESS_VIOLATION, EXCEPTION_NONCONTINUABLE, 0, nullptr);
}

void sleep_ms(int time) {
    ::Sleep(static_cast<DWORD>(time));
}

} // namespace child
