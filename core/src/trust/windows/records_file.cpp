// SPDX-License-Identifier: MIT
#include "trust/records_file.hpp"

#include <thread>

#include <windows.h>

#include <aclapi.h>

#include <k2s/sdk/windows_replace.hpp>

#include "process/windows/handle.hpp"
#include "trust/windows/acl.hpp"
#include "util/path.hpp"
#include "util/windows/wide.hpp"

namespace k2s::core::trust {

namespace {

std::unexpected<Error> file_error(const char *action, const fs::path &file) {
    const DWORD reason = ::GetLastError();
    const bool denied = reason == ERROR_ACCESS_DENIED || reason == ERROR_WRITE_PROTECT;
    return fail(denied ? K2S_E_PERMISSION : K2S_E_IO, "cannot {} the plugin records '{}': {}",
                action, path_text(file), windows_error(reason));
}

bool others_may_write(HANDLE file) {
    PSECURITY_DESCRIPTOR descriptor = nullptr;
    if (::GetSecurityInfo(file, SE_FILE_OBJECT, DACL_SECURITY_INFORMATION, nullptr, nullptr,
                          nullptr, nullptr, &descriptor) != ERROR_SUCCESS) {
        return true;
    }
    const bool good = judge_access(descriptor, "plugin records").has_value();
    ::LocalFree(descriptor);
    return !good;
}

} // namespace

std::string read_records_file(const fs::path &file) {
    const Handle in(::CreateFileW(long_path(file).c_str(), GENERIC_READ | READ_CONTROL,
                                  FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr,
                                  OPEN_EXISTING, FILE_FLAG_OPEN_REPARSE_POINT, nullptr));
    LARGE_INTEGER size{};
    if (!in.valid() || ::GetFileSizeEx(in.get(), &size) == FALSE ||
        static_cast<std::uint64_t>(size.QuadPart) > k_records_file_max ||
        others_may_write(in.get())) {
        return {};
    }
    std::string text(static_cast<std::size_t>(size.QuadPart), '\0');
    DWORD got = 0;
    if (::ReadFile(in.get(), text.data(), static_cast<DWORD>(text.size()), &got, nullptr) ==
        FALSE) {
        got = 0;
    }
    text.resize(got);
    return text;
}

Result<RecordsLock> RecordsLock::take(const fs::path &file, std::chrono::milliseconds patience) {
    const auto until = std::chrono::steady_clock::now() + patience;
    const auto name = long_path(file).native() + L".lock";
    Handle lock(::CreateFileW(name.c_str(), GENERIC_READ | GENERIC_WRITE,
                              FILE_SHARE_READ | FILE_SHARE_WRITE, nullptr, OPEN_ALWAYS,
                              FILE_ATTRIBUTE_NORMAL, nullptr));
    if (!lock.valid()) {
        return file_error("lock", file);
    }
    for (OVERLAPPED whole{};
         ::LockFileEx(lock.get(), LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0,
                      &whole) == FALSE;
         std::this_thread::sleep_for(k_lock_pause)) {
        if (::GetLastError() != ERROR_LOCK_VIOLATION && ::GetLastError() != ERROR_IO_PENDING) {
            return file_error("lock", file);
        }
        if (std::chrono::steady_clock::now() >= until) {
            return lock_busy(file);
        }
    }
    return RecordsLock(lock.release());
}

RecordsLock::RecordsLock(RecordsLock &&other) noexcept
    : native_(std::exchange(other.native_, nullptr)) {}

RecordsLock::~RecordsLock() {
    if (native_ != nullptr) {
        ::CloseHandle(native_); // ends the lock as well
    }
}

Result<void> replace_records_file(const fs::path &file, const std::string &text) {
    const auto target = long_path(file).native();
    const auto next = target + L".new";
    {
        const Handle out(::CreateFileW(next.c_str(), GENERIC_WRITE, 0, nullptr, CREATE_ALWAYS,
                                       FILE_ATTRIBUTE_NORMAL, nullptr));
        DWORD written = 0;
        if (!out.valid() ||
            ::WriteFile(out.get(), text.data(), static_cast<DWORD>(text.size()), &written,
                        nullptr) == FALSE ||
            ::FlushFileBuffers(out.get()) == FALSE) {
            return file_error("write", file);
        }
    }
    if (!detail::replace_file(next.c_str(), target.c_str())) {
        return file_error("replace", file);
    }
    return {};
}

} // namespace k2s::core::trust
