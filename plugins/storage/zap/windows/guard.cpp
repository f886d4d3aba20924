// SPDX-License-Identifier: MIT
#include "../guard.hpp"

#include <system_error>

#include <shlobj.h>

#include <k2s/sdk/windows_path.hpp>

#include "../paths.hpp"
#include "native.hpp"

namespace k2s::zap {
namespace {

/// The folders that the system knows by a number, as it has them, not as the environment says.
fs::path known(int folder) {
    wchar_t path[MAX_PATH];
    return SHGetFolderPathW(nullptr, folder, nullptr, SHGFP_TYPE_CURRENT, path) == S_OK
               ? fs::path{path}
               : fs::path{};
}

fs::path windows_folder() {
    wchar_t path[MAX_PATH];
    const UINT size = GetSystemWindowsDirectoryW(path, MAX_PATH);
    return size > 0 && size < MAX_PATH ? fs::path{path} : fs::path{L"C:\\Windows"};
}

void add(std::vector<fs::path> &folders, const fs::path &path) {
    std::string ignored;
    if (const fs::path full = path.empty() ? fs::path{} : resolve(path, ignored); !full.empty()) {
        folders.push_back(full);
    }
}

} // namespace

FileKind kind_of(const fs::path &path, std::string &why) {
    WIN32_FIND_DATAW found;
    const std::wstring name = long_form(path);
    const DWORD attributes = GetFileAttributesW(name.c_str());
    if (attributes == INVALID_FILE_ATTRIBUTES) {
        const DWORD error = GetLastError();
        why = std::system_category().message(static_cast<int>(error));
        return error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND
                   ? FileKind::missing
                   : FileKind::unreadable;
    }
    if ((attributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0) {
        HANDLE search = FindFirstFileW(name.c_str(), &found);
        if (search != INVALID_HANDLE_VALUE) {
            FindClose(search);
            constexpr DWORD k_name_surrogate = 0x20000000;
            if ((found.dwReserved0 & k_name_surrogate) != 0) {
                return FileKind::link; // a link, a junction or the mount point of a volume
            }
        }
    }
    return (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0 ? FileKind::directory : FileKind::other;
}

fs::path resolve(const fs::path &path, std::string &why) {
    HANDLE opened = CreateFileW(long_form(path).c_str(), FILE_READ_ATTRIBUTES, k_share_all, nullptr,
                                OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, nullptr);
    if (opened == INVALID_HANDLE_VALUE) {
        why = std::system_category().message(static_cast<int>(GetLastError()));
        return {};
    }
    std::wstring full(32768, L'\0');
    const DWORD size =
        GetFinalPathNameByHandleW(opened, full.data(), static_cast<DWORD>(full.size()), 0);
    CloseHandle(opened);
    if (size == 0 || size >= full.size()) {
        why = "it has no name with a drive letter";
        return {};
    }
    full.resize(size);
    return fs::path{detail::plain_path(std::move(full))};
}

std::vector<fs::path> essential_folders() {
    std::vector<fs::path> folders;
    const fs::path windows = windows_folder();
    for (const fs::path &path :
         {windows, windows / L"System32", windows / L"SysWOW64", windows / L"WinSxS"}) {
        add(folders, path);
    }
    for (const int id : {CSIDL_PROGRAM_FILES, CSIDL_PROGRAM_FILESX86, CSIDL_COMMON_APPDATA,
                         CSIDL_PROFILE, CSIDL_APPDATA, CSIDL_LOCAL_APPDATA}) {
        add(folders, known(id));
    }
    add(folders, fs::path{L"."});
    wchar_t own[32768];
    if (const DWORD size = GetModuleFileNameW(nullptr, own, 32768); size > 0 && size < 32768) {
        add(folders, fs::path{own});
    }
    return folders;
}

std::vector<fs::path> system_folders() {
    std::vector<fs::path> folders;
    add(folders, windows_folder());
    add(folders, known(CSIDL_PROGRAM_FILES));
    add(folders, known(CSIDL_PROGRAM_FILESX86));
    return folders;
}

std::vector<fs::path> layer_stores() {
    std::vector<fs::path> folders;
    const fs::path data = known(CSIDL_COMMON_APPDATA);
    add(folders, data / L"containerd");
    add(folders, data / L"docker");
    return folders;
}

bool same_name(const fs::path &one, const fs::path &other) {
    return CompareStringOrdinal(one.c_str(), -1, other.c_str(), -1, TRUE) == CSTR_EQUAL;
}

} // namespace k2s::zap
