// SPDX-License-Identifier: MIT
#include "spec/files.hpp"

#include <k2s/sdk/windows_path.hpp>

#include <sddl.h>

#include <fmt/format.h>

namespace k2s::cni {
namespace {

// Full access for the system and administrators, nobody else, inherited by what is made inside.
constexpr const wchar_t *k_private = L"D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)";

bool create(const std::string &path, SECURITY_ATTRIBUTES *access) {
    return CreateDirectoryW(detail::system_path(path).c_str(), access) ||
           GetLastError() == ERROR_ALREADY_EXISTS;
}

bool make_folder(const std::string &path, Access access) {
    SECURITY_ATTRIBUTES closed{sizeof(closed), nullptr, FALSE};
    if (access == Access::everybody) {
        return create(path, nullptr);
    }
    if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(
            k_private, SDDL_REVISION_1, &closed.lpSecurityDescriptor, nullptr)) {
        return false;
    }
    const bool made = create(path, &closed);
    const DWORD why = GetLastError();
    LocalFree(closed.lpSecurityDescriptor);
    SetLastError(why);
    return made;
}

} // namespace

bool make_folders(const std::string &path, Access access) {
    if (make_folder(path, access)) {
        return true;
    }
    const auto slash = path.find_last_of("/\\");
    return GetLastError() == ERROR_PATH_NOT_FOUND && slash != std::string::npos && slash > 0 &&
           make_folders(path.substr(0, slash)) && make_folder(path, access);
}

std::expected<void, Error> need_folder(const std::string &path, Access access) {
    if (make_folders(path, access)) {
        return {};
    }
    const DWORD why = GetLastError();
    return std::unexpected(
        Error{why == ERROR_ACCESS_DENIED ? K2S_E_PERMISSION : K2S_E_IO,
              fmt::format("cannot make the folder '{}': Windows error {}", path, why)});
}

std::vector<std::string> files_in(const std::string &folder) {
    std::vector<std::string> names;
    WIN32_FIND_DATAW found{};
    HANDLE search = FindFirstFileW((detail::system_path(folder) + L"\\*").c_str(), &found);
    if (search == INVALID_HANDLE_VALUE) {
        return names;
    }
    do {
        names.push_back(detail::narrow(found.cFileName));
    } while (FindNextFileW(search, &found));
    FindClose(search);
    return names;
}

bool is_file(const std::string &path) {
    const DWORD attributes = GetFileAttributesW(detail::system_path(path).c_str());
    return attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY) == 0;
}

void remove_file(const std::string &path) {
    DeleteFileW(detail::system_path(path).c_str());
}

} // namespace k2s::cni
