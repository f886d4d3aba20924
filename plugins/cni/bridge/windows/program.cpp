// SPDX-License-Identifier: MIT
#include "bridge/program.hpp"

#include <algorithm>

#include <k2s/sdk/windows_path.hpp>

#include "spec/files.hpp"

namespace k2s::cni {
namespace {

std::optional<BY_HANDLE_FILE_INFORMATION> identity(const std::string &path) {
    HANDLE file = CreateFileW(detail::system_path(path).c_str(), FILE_READ_ATTRIBUTES,
                              FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr,
                              OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr);
    if (file == INVALID_HANDLE_VALUE) {
        return std::nullopt;
    }
    BY_HANDLE_FILE_INFORMATION about{};
    const bool known = GetFileInformationByHandle(file, &about);
    CloseHandle(file);
    return known ? std::optional(about) : std::nullopt;
}

} // namespace

std::optional<std::string> find_program(std::string_view name, std::string_view folders) {
    while (!folders.empty()) {
        const auto end = std::min(folders.find(';'), folders.size());
        const auto folder = folders.substr(0, end);
        folders.remove_prefix(std::min(end + 1, folders.size()));
        // A relative folder would be one of the runtime's current directory's, which is nobody's.
        if (folder.size() < 3 || (folder[1] != ':' && !folder.starts_with("\\\\"))) {
            continue;
        }
        for (const char *suffix : {"", ".exe"}) {
            std::string path = fmt::format("{}/{}{}", folder, name, suffix);
            if (is_file(path)) {
                return path;
            }
        }
    }
    return std::nullopt;
}

bool same_file(const std::string &a, const std::string &b) {
    const auto first = identity(a), second = identity(b);
    return first && second && first->dwVolumeSerialNumber == second->dwVolumeSerialNumber &&
           first->nFileIndexHigh == second->nFileIndexHigh &&
           first->nFileIndexLow == second->nFileIndexLow;
}

} // namespace k2s::cni
