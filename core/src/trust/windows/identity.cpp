// SPDX-License-Identifier: MIT
#include "trust/identity.hpp"

#include <cstring>

#include <windows.h>

#include <aclapi.h>

#include "trust/header.hpp"
#include "trust/windows/acl.hpp"
#include "util/path.hpp"
#include "util/windows/wide.hpp"

namespace k2s::core::trust {

namespace {

Result<void> check_one(HANDLE handle, const fs::path &path) {
    const auto name = path_text(path);
    PSECURITY_DESCRIPTOR descriptor = nullptr;
    const DWORD failed = ::GetSecurityInfo(handle, SE_FILE_OBJECT, DACL_SECURITY_INFORMATION,
                                           nullptr, nullptr, nullptr, nullptr, &descriptor);
    if (failed != ERROR_SUCCESS) {
        return fail(K2S_E_PERMISSION, "cannot read who may write to '{}': {}", name,
                    windows_error(failed));
    }
    auto judged = judge_access(descriptor, name);
    ::LocalFree(descriptor);
    return judged;
}

} // namespace

Result<OpenLibrary> OpenLibrary::open(const fs::path &library) {
    // Shared for reading only: until this handle is closed nobody can write, rename or delete it.
    const HANDLE handle = ::CreateFileW(long_path(library).c_str(), GENERIC_READ | READ_CONTROL,
                                        FILE_SHARE_READ, nullptr, OPEN_EXISTING, 0, nullptr);
    if (handle == INVALID_HANDLE_VALUE) {
        const DWORD reason = ::GetLastError();
        if (reason == ERROR_SHARING_VIOLATION) {
            return fail(K2S_E_BUSY, "plugin library '{}' is being written by another process",
                        path_text(library));
        }
        const int code = reason == ERROR_ACCESS_DENIED ? K2S_E_PERMISSION
                         : reason == ERROR_FILE_NOT_FOUND || reason == ERROR_PATH_NOT_FOUND
                             ? K2S_E_NOT_FOUND
                             : K2S_E_FAILED;
        return fail(code, "cannot open plugin library '{}': {}", path_text(library),
                    windows_error(reason));
    }
    OpenLibrary result(library, handle);
    if (auto identified = result.identify(); !identified) {
        return pass(identified);
    }
    if (auto header = check_header(result); !header) {
        return pass(header);
    }
    return result;
}

Result<void> OpenLibrary::identify() {
    FILE_ID_INFO id{};
    FILE_BASIC_INFO basic{};
    LARGE_INTEGER size{};
    if (::GetFileType(native_) != FILE_TYPE_DISK || ::GetFileSizeEx(native_, &size) == FALSE ||
        ::GetFileInformationByHandleEx(native_, FileIdInfo, &id, sizeof id) == FALSE ||
        ::GetFileInformationByHandleEx(native_, FileBasicInfo, &basic, sizeof basic) == FALSE) {
        return fail(K2S_E_FAILED, "plugin library '{}' is not a regular file", path_text(path_));
    }
    identity_.device = id.VolumeSerialNumber;
    std::memcpy(&identity_.file, &id.FileId, sizeof identity_.file);
    std::memcpy(&identity_.file_high,
                reinterpret_cast<const char *>(&id.FileId) + sizeof identity_.file,
                sizeof identity_.file_high);
    identity_.size = static_cast<std::uint64_t>(size.QuadPart);
    identity_.modified = basic.LastWriteTime.QuadPart;
    identity_.changed = basic.ChangeTime.QuadPart;
    return {};
}

OpenLibrary::~OpenLibrary() {
    if (native_ != k_closed) {
        ::CloseHandle(native_);
    }
}

fs::path OpenLibrary::load_path() const {
    return path_;
}

std::size_t OpenLibrary::read_at(std::uint64_t offset, void *buffer, std::size_t size) const {
    OVERLAPPED where{};
    where.Offset = static_cast<DWORD>(offset);
    where.OffsetHigh = static_cast<DWORD>(offset >> 32);
    DWORD got = 0;
    return ::ReadFile(native_, buffer, static_cast<DWORD>(size), &got, &where) != FALSE ? got : 0;
}

Result<void> OpenLibrary::check_permissions(const fs::path &plugin_root) const {
    if (auto file = check_one(native_, path_); !file) {
        return file;
    }
    for (fs::path folder = path_.parent_path(); !folder.empty(); folder = folder.parent_path()) {
        const HANDLE handle =
            ::CreateFileW(long_path(folder).c_str(), READ_CONTROL,
                          FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr,
                          OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, nullptr);
        if (handle == INVALID_HANDLE_VALUE) {
            return fail(K2S_E_PERMISSION, "cannot look at folder '{}': {}", path_text(folder),
                        windows_error(::GetLastError()));
        }
        auto checked = check_one(handle, folder);
        ::CloseHandle(handle);
        if (!checked) {
            return checked;
        }
        if (folder == plugin_root || folder == folder.root_path()) {
            break;
        }
    }
    return {};
}

} // namespace k2s::core::trust
