// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "log/system.hpp"

#include <windows.h>

#include <sddl.h>

#include <boost/filesystem/operations.hpp>

#include "util/environment.hpp"
#include "util/privilege.hpp"
#include "util/windows/wide.hpp"

namespace k2s::core {
namespace {

// SYSTEM and administrators: everything, inherited; nobody else, nothing from above.
constexpr const wchar_t *k_private = L"D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)";

HANDLE stderr_handle() {
    return ::GetStdHandle(STD_ERROR_HANDLE);
}

bool write_all(HANDLE out, std::string_view text) {
    while (!text.empty()) {
        DWORD written = 0;
        if (::WriteFile(out, text.data(), static_cast<DWORD>(text.size()), &written, nullptr) ==
                0 ||
            written == 0) {
            return false;
        }
        text.remove_prefix(written);
    }
    return true;
}

bool make_folder(const fs::path &folder) {
    SECURITY_ATTRIBUTES attributes{sizeof attributes, nullptr, FALSE};
    PSECURITY_DESCRIPTOR descriptor = nullptr;
    if (is_system_account() && ::ConvertStringSecurityDescriptorToSecurityDescriptorW(
                                   k_private, SDDL_REVISION_1, &descriptor, nullptr) != 0) {
        attributes.lpSecurityDescriptor = descriptor;
    }
    const bool made = ::CreateDirectoryW(long_path(folder).c_str(), &attributes) != 0 ||
                      ::GetLastError() == ERROR_ALREADY_EXISTS;
    const DWORD error = ::GetLastError();
    ::LocalFree(descriptor);
    ::SetLastError(error);
    return made;
}

} // namespace

int64_t process_id() {
    return ::GetCurrentProcessId();
}

int64_t wall_clock_us() {
    constexpr int64_t k_from_1601_to_1970_us = 11644473600LL * 1000000;
    FILETIME now{};
    ::GetSystemTimePreciseAsFileTime(&now);
    const auto ticks = (static_cast<int64_t>(now.dwHighDateTime) << 32) | now.dwLowDateTime;
    return ticks / 10 - k_from_1601_to_1970_us;
}

bool stderr_is_terminal() {
    DWORD mode = 0;
    return ::GetConsoleMode(stderr_handle(), &mode) != 0;
}

bool stderr_takes_colours() {
    DWORD mode = 0;
    return !environment("NO_COLOR") && ::GetConsoleMode(stderr_handle(), &mode) != 0 &&
           ::SetConsoleMode(stderr_handle(), mode | ENABLE_VIRTUAL_TERMINAL_PROCESSING) != 0;
}

bool write_stderr(std::string_view text) noexcept {
    const HANDLE out = stderr_handle();
    if (out == nullptr || out == INVALID_HANDLE_VALUE) {
        return false;
    }
    if (!stderr_is_terminal()) {
        return write_all(out, text);
    }
    // The console's code page is seldom UTF-8; the wide call does not care.
    try {
        const std::wstring wide = to_wide(text);
        DWORD written = 0;
        return ::WriteConsoleW(out, wide.data(), static_cast<DWORD>(wide.size()), &written,
                               nullptr) != 0;
    } catch (...) {
        return false;
    }
}

std::string random_hex(std::size_t bytes) {
    std::string out;
    for (std::size_t index = 0; index < bytes; ++index) {
        unsigned value = 0;
        if (::rand_s(&value) != 0) {
            value = static_cast<unsigned>(wall_clock_us());
        }
        fmt::format_to(std::back_inserter(out), "{:02x}", value & 0xFFU);
    }
    return out;
}

Result<void> make_private_folder(const fs::path &folder) {
    if (make_folder(folder)) {
        return {};
    }
    if (::GetLastError() == ERROR_PATH_NOT_FOUND) { // the root was removed while we ran
        boost::system::error_code ignored;
        fs::create_directories(long_path(folder.parent_path()), ignored);
        if (make_folder(folder)) {
            return {};
        }
    }
    const DWORD error = ::GetLastError();
    return fail(error == ERROR_ACCESS_DENIED ? K2S_E_PERMISSION : K2S_E_IO,
                "cannot create the folder {}: {}", path_text(folder), windows_error(error));
}

} // namespace k2s::core
