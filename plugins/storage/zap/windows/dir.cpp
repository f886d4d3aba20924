// SPDX-License-Identifier: MIT
#include "../dir.hpp"

#include <cstddef>
#include <cstring>
#include <utility>

#include <k2s/sdk/windows_path.hpp>

#include "../paths.hpp"
#include "native.hpp"

namespace k2s::zap {
namespace {

constexpr size_t k_listing_bytes = 64 * 1024;
constexpr ACCESS_MASK k_list = FILE_LIST_DIRECTORY | FILE_READ_ATTRIBUTES | SYNCHRONIZE;
constexpr ACCESS_MASK k_remove =
    DELETE | FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES | SYNCHRONIZE;

HANDLE handle_of(intptr_t handle) noexcept {
    return reinterpret_cast<HANDLE>(handle);
}

/// A reparse point that stands for another place (a link, a junction, a mounted volume), as opposed
/// to one that decorates real content, as the tags of container layers (WCI) and of OneDrive do.
bool stands_for_another(DWORD attributes, DWORD tag) noexcept {
    return (attributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0 && (tag & 0x20000000) != 0;
}

bool real_directory(DWORD attributes, DWORD tag) noexcept {
    return (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0 && !stands_for_another(attributes, tag);
}

/// POSIX semantics first: the name goes at once, although somebody has the file open. Older systems
/// and file systems have the plain kind only, which minds the read-only attribute.
std::error_code mark_deleted(HANDLE file) {
    struct {
        ULONG flags;              // FILE_DISPOSITION_INFO_EX
    } extended{0x1 | 0x2 | 0x10}; // delete, POSIX semantics, ignore read-only
    constexpr auto k_disposition_ex = static_cast<FILE_INFO_BY_HANDLE_CLASS>(21);
    if (SetFileInformationByHandle(file, k_disposition_ex, &extended, sizeof(extended))) {
        return {};
    }
    const DWORD why = GetLastError();
    if (why == ERROR_DIR_NOT_EMPTY) {
        return windows_error(why);
    }
    FILE_BASIC_INFO basic{};
    if (GetFileInformationByHandleEx(file, FileBasicInfo, &basic, sizeof(basic)) &&
        (basic.FileAttributes & FILE_ATTRIBUTE_READONLY) != 0) {
        basic.FileAttributes = FILE_ATTRIBUTE_NORMAL;
        SetFileInformationByHandle(file, FileBasicInfo, &basic, sizeof(basic));
    }
    FILE_DISPOSITION_INFO plain{TRUE};
    if (SetFileInformationByHandle(file, FileDispositionInfo, &plain, sizeof(plain))) {
        return {};
    }
    return windows_error(GetLastError());
}

} // namespace

std::error_code windows_error(DWORD error) {
    switch (error) {
    case ERROR_DIR_NOT_EMPTY:
        return std::make_error_code(std::errc::directory_not_empty);
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
        return std::make_error_code(std::errc::no_such_file_or_directory);
    case ERROR_SHARING_VIOLATION:
    case ERROR_LOCK_VIOLATION:
    case ERROR_USER_MAPPED_FILE:
        return std::make_error_code(std::errc::device_or_resource_busy);
    case ERROR_ACCESS_DENIED:
        return std::make_error_code(std::errc::permission_denied);
    case ERROR_ALREADY_EXISTS:
    case ERROR_FILE_EXISTS:
        return std::make_error_code(std::errc::file_exists);
    case ERROR_DIRECTORY:
        return std::make_error_code(std::errc::not_a_directory);
    default:
        return {static_cast<int>(error), std::system_category()};
    }
}

std::wstring long_form(const fs::path &path) {
    return detail::system_path(text_of(path));
}

HANDLE open_at(HANDLE directory, const Name &name, ACCESS_MASK access, std::error_code &failed) {
    UNICODE_STRING text;
    text.Buffer = const_cast<wchar_t *>(name.c_str());
    text.Length = static_cast<USHORT>(name.size() * sizeof(wchar_t));
    text.MaximumLength = text.Length;
    OBJECT_ATTRIBUTES object{};
    object.Length = sizeof(object);
    object.RootDirectory = directory;
    object.ObjectName = &text;
    // No OBJ_CASE_INSENSITIVE: the name is what the directory told, and two may differ in case
    // alone.
    IO_STATUS_BLOCK status{};
    HANDLE file = INVALID_HANDLE_VALUE;
    constexpr ULONG k_open_reparse_point = 0x00200000;
    constexpr ULONG k_backup_intent = 0x00004000;
    constexpr ULONG k_synchronous = 0x00000020;
    const NTSTATUS opened =
        NtCreateFile(&file, access, &object, &status, nullptr, 0, k_share_all, FILE_OPEN,
                     k_open_reparse_point | k_backup_intent | k_synchronous, nullptr, 0);
    if (opened < 0) {
        failed = windows_error(RtlNtStatusToDosError(opened));
        return INVALID_HANDLE_VALUE;
    }
    failed = {};
    return file;
}

void Dir::close() noexcept {
    if (handle_ != -1) {
        CloseHandle(handle_of(std::exchange(handle_, -1)));
    }
}

Dir Dir::open(const fs::path &path, std::error_code &failed) {
    Dir dir;
    HANDLE opened =
        CreateFileW(long_form(path).c_str(), k_list, k_share_all, nullptr, OPEN_EXISTING,
                    FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT, nullptr);
    failed = opened == INVALID_HANDLE_VALUE ? windows_error(GetLastError()) : std::error_code{};
    dir.handle_ = reinterpret_cast<intptr_t>(opened);
    return dir;
}

Dir Dir::open_child(const Name &name, std::error_code &failed) const {
    Dir dir;
    HANDLE opened = open_at(handle_of(handle_), name, k_list, failed);
    if (opened == INVALID_HANDLE_VALUE) {
        return dir;
    }
    FILE_ATTRIBUTE_TAG_INFO info{};
    if (!GetFileInformationByHandleEx(opened, FileAttributeTagInfo, &info, sizeof(info)) ||
        !real_directory(info.FileAttributes, info.ReparseTag)) {
        CloseHandle(opened);
        failed = std::make_error_code(std::errc::not_a_directory);
        return dir;
    }
    dir.handle_ = reinterpret_cast<intptr_t>(opened);
    return dir;
}

bool Dir::list(std::vector<Entry> &batch, bool, std::error_code &failed) {
    alignas(LARGE_INTEGER) char buffer[k_listing_bytes];
    batch.clear();
    failed = {};
    while (batch.empty()) {
        const auto what = listed_ ? FileIdBothDirectoryInfo : FileIdBothDirectoryRestartInfo;
        if (!GetFileInformationByHandleEx(handle_of(handle_), what, buffer, sizeof(buffer))) {
            const DWORD why = GetLastError();
            failed = why == ERROR_NO_MORE_FILES ? std::error_code{} : windows_error(why);
            return false;
        }
        listed_ = true;
        for (const char *at = buffer;;) {
            const auto *entry = reinterpret_cast<const FILE_ID_BOTH_DIR_INFO *>(at);
            Name name(entry->FileName, entry->FileNameLength / sizeof(wchar_t));
            if (name != L"." && name != L"..") {
                // For a reparse point EaSize is its tag (MS-FSCC 2.4.17).
                batch.push_back({std::move(name),
                                 real_directory(entry->FileAttributes, entry->EaSize),
                                 static_cast<uint64_t>(entry->AllocationSize.QuadPart)});
            }
            if (entry->NextEntryOffset == 0) {
                break;
            }
            at += entry->NextEntryOffset;
        }
    }
    return true;
}

std::error_code Dir::remove(const Name &name, bool directory) const {
    std::error_code failed;
    HANDLE file = open_at(handle_of(handle_), name, k_remove, failed);
    if (file == INVALID_HANDLE_VALUE) {
        return failed;
    }
    FILE_ATTRIBUTE_TAG_INFO info{};
    if (GetFileInformationByHandleEx(file, FileAttributeTagInfo, &info, sizeof(info)) &&
        real_directory(info.FileAttributes, info.ReparseTag) != directory) {
        failed = std::make_error_code(directory ? std::errc::not_a_directory
                                                : std::errc::is_a_directory);
    } else {
        failed = mark_deleted(file);
    }
    CloseHandle(file);
    return failed;
}

std::error_code Dir::move(const Name &name, const Dir &to, const Name &as) const {
    std::error_code failed;
    HANDLE file = open_at(handle_of(handle_), name, k_remove, failed);
    if (file == INVALID_HANDLE_VALUE) {
        return failed;
    }
    // FILE_RENAME_INFORMATION of NtSetInformationFile: Win32's twin takes no directory handle.
    struct Rename {
        BOOLEAN replace;
        HANDLE root;
        ULONG bytes;
        wchar_t name[1];
    };
    std::vector<char> buffer(sizeof(Rename) + as.size() * sizeof(wchar_t));
    auto *rename = reinterpret_cast<Rename *>(buffer.data());
    rename->replace = FALSE;
    rename->root = handle_of(to.handle_);
    rename->bytes = static_cast<ULONG>(as.size() * sizeof(wchar_t));
    std::memcpy(buffer.data() + offsetof(Rename, name), as.data(), rename->bytes);
    IO_STATUS_BLOCK status{};
    constexpr auto k_rename = static_cast<FILE_INFORMATION_CLASS>(10);
    const NTSTATUS done =
        NtSetInformationFile(file, &status, rename, static_cast<ULONG>(buffer.size()), k_rename);
    CloseHandle(file);
    return done < 0 ? windows_error(RtlNtStatusToDosError(done)) : std::error_code{};
}

std::string text_of(const fs::path &path) {
    return detail::narrow(path.native());
}

fs::path path_of(std::string_view text) {
    return fs::path{detail::widen(text)};
}

} // namespace k2s::zap
