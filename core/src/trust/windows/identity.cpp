// SPDX-License-Identifier: MIT
#include "trust/identity.hpp"

#include <cstring>

#include <windows.h>

#include <aclapi.h>

#include "manifest/manifest.hpp"
#include "process/windows/handle.hpp"
#include "trust/signature.hpp"
#include "trust/windows/acl.hpp"
#include "util/path.hpp"
#include "util/windows/wide.hpp"

namespace k2s::core::trust {

namespace {

Result<void> check_one(HANDLE handle, const fs::path &path, Access access) {
    const auto name = path_text(path);
    PSECURITY_DESCRIPTOR descriptor = nullptr;
    const DWORD failed = ::GetSecurityInfo(handle, SE_FILE_OBJECT,
                                           OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION,
                                           nullptr, nullptr, nullptr, nullptr, &descriptor);
    if (failed != ERROR_SUCCESS) {
        return fail(K2S_E_PERMISSION, "cannot read who may write to '{}': {}", name,
                    windows_error(failed));
    }
    auto judged = judge_access(descriptor, name, access);
    ::LocalFree(descriptor);
    return judged;
}

bool look(HANDLE handle, FileIdentity &identity) {
    FILE_ID_INFO id{};
    FILE_BASIC_INFO basic{};
    LARGE_INTEGER size{};
    if (::GetFileSizeEx(handle, &size) == FALSE ||
        ::GetFileInformationByHandleEx(handle, FileIdInfo, &id, sizeof id) == FALSE ||
        ::GetFileInformationByHandleEx(handle, FileBasicInfo, &basic, sizeof basic) == FALSE) {
        return false;
    }
    identity.device = id.VolumeSerialNumber;
    std::memcpy(&identity.file, &id.FileId, sizeof identity.file);
    std::memcpy(&identity.file_high,
                reinterpret_cast<const char *>(&id.FileId) + sizeof identity.file,
                sizeof identity.file_high);
    identity.size = static_cast<std::uint64_t>(size.QuadPart);
    identity.modified = basic.LastWriteTime.QuadPart;
    identity.changed = basic.ChangeTime.QuadPart;
    return true;
}

} // namespace

std::optional<FileIdentity> identify(const fs::path &path) {
    const Handle handle(::CreateFileW(long_path(path).c_str(), FILE_READ_ATTRIBUTES,
                                      FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                                      nullptr, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, nullptr));
    FileIdentity identity;
    return handle.valid() && look(handle.get(), identity) ? std::optional(identity) : std::nullopt;
}

Result<OpenLibrary> OpenLibrary::open_any(const fs::path &library) {
    // Shared for reading only: until this handle is closed nobody can write, rename or delete it.
    const HANDLE handle = ::CreateFileW(long_path(library).c_str(), GENERIC_READ | READ_CONTROL,
                                        FILE_SHARE_READ, nullptr, OPEN_EXISTING, 0, nullptr);
    if (handle == INVALID_HANDLE_VALUE) {
        const DWORD reason = ::GetLastError();
        if (reason == ERROR_SHARING_VIOLATION) {
            return fail(K2S_E_BUSY, "plugin file '{}' is being written by another process",
                        path_text(library));
        }
        const int code = reason == ERROR_ACCESS_DENIED ? K2S_E_PERMISSION
                         : reason == ERROR_FILE_NOT_FOUND || reason == ERROR_PATH_NOT_FOUND
                             ? K2S_E_NOT_FOUND
                             : K2S_E_FAILED;
        return fail(code, "cannot open plugin file '{}': {}", path_text(library),
                    windows_error(reason));
    }
    OpenLibrary result(library, handle);
    if (auto identified = result.identify(); !identified) {
        return pass(identified);
    }
    return result;
}

Result<void> OpenLibrary::identify() {
    if (::GetFileType(native_) != FILE_TYPE_DISK || !look(native_, identity_)) {
        return fail(K2S_E_FAILED, "plugin file '{}' is not a regular file", path_text(path_));
    }
    return {};
}

bool OpenLibrary::unchanged() const {
    FileIdentity now;
    return look(native_, now) && now == identity_;
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

Result<void> OpenLibrary::check_permissions(const fs::path &plugin_root, Guard guard) const {
    const Access inside = guard == Guard::system ? Access::change_strict : Access::change;
    if (auto file = check_one(native_, path_, inside); !file) {
        return file;
    }
    for (const std::string_view name : {std::string_view(k_manifest_name), k_signature_name}) {
        const auto sibling = path_.parent_path() / path_from_utf8(name);
        const Handle handle(::CreateFileW(long_path(sibling).c_str(), READ_CONTROL,
                                          FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                                          nullptr, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr));
        if (handle.valid()) {
            if (auto file = check_one(handle.get(), sibling, inside); !file) {
                return file;
            }
        }
    }
    bool above = false;
    for (fs::path folder = path_.parent_path(); !folder.empty(); folder = folder.parent_path()) {
        const Handle handle(::CreateFileW(long_path(folder).c_str(), READ_CONTROL,
                                          FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                                          nullptr, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS,
                                          nullptr));
        if (!handle.valid()) {
            return fail(K2S_E_PERMISSION, "cannot look at folder '{}': {}", path_text(folder),
                        windows_error(::GetLastError()));
        }
        if (auto checked = check_one(handle.get(), folder, above ? Access::replace_strict : inside);
            !checked) {
            return checked;
        }
        above = above || folder == plugin_root;
        if ((above && guard == Guard::plugin) || folder == folder.root_path()) {
            break;
        }
    }
    return {};
}

} // namespace k2s::core::trust
