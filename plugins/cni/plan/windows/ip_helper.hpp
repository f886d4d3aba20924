// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <k2s/sdk/windows_path.hpp>

namespace k2s::network {

/// iphlpapi.dll, or a test's double of it; nullptr when it is missing.
inline HMODULE load_ip_helper(const std::string &library) {
    return library.empty()
               ? LoadLibraryExW(L"iphlpapi.dll", nullptr, LOAD_LIBRARY_SEARCH_SYSTEM32)
               : LoadLibraryExW(detail::system_path(library).c_str(), nullptr,
                                LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR | LOAD_LIBRARY_SEARCH_SYSTEM32);
}

} // namespace k2s::network
