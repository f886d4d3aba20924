// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>

#include <k2s/sdk/windows_path.hpp>

#if !defined(_WIN32)
#include <sys/types.h>
#include <unistd.h>
#endif

namespace k2s {

/// The folder of the running exe, in UTF-8; empty when the system does not tell.
inline std::string program_folder() {
#if defined(_WIN32)
    std::wstring wide(32768, L'\0');
    wide.resize(GetModuleFileNameW(nullptr, &wide[0], static_cast<DWORD>(wide.size())));
    const std::string path = detail::narrow(wide);
    const std::size_t end = path.find_last_of("\\/");
#else
    std::string path(4096, '\0');
    const ssize_t size = readlink("/proc/self/exe", &path[0], path.size());
    path.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    const std::size_t end = path.rfind('/');
#endif
    return path.substr(0, end == std::string::npos ? 0 : end);
}

} // namespace k2s
