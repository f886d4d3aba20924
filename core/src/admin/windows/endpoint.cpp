// SPDX-License-Identifier: MIT
#include "admin/endpoint.hpp"

#include <algorithm>

#include <windows.h>

#include "util/windows/wide.hpp"

namespace k2s::core::admin {

Result<fs::path> endpoint_of(std::string_view instance, const fs::path &) {
    if (auto checked = check_instance(instance); !checked) {
        return pass(checked);
    }
    return fs::path(LR"(\\.\pipe\k2s-host-)" + to_wide(instance));
}

std::vector<std::string> running_instances(const fs::path &) {
    constexpr std::string_view k_prefix = "k2s-host-";
    std::vector<std::string> names;
    WIN32_FIND_DATAW pipe{};
    const HANDLE search = ::FindFirstFileW(LR"(\\.\pipe\*)", &pipe);
    if (search == INVALID_HANDLE_VALUE) {
        return names;
    }
    do {
        const auto name = from_wide(pipe.cFileName);
        if (name.starts_with(k_prefix) && check_instance(name.substr(k_prefix.size()))) {
            names.push_back(name.substr(k_prefix.size()));
        }
    } while (::FindNextFileW(search, &pipe) != FALSE);
    ::FindClose(search);
    std::ranges::sort(names);
    names.erase(std::unique(names.begin(), names.end()), names.end()); // a pipe has several ends
    return names;
}

} // namespace k2s::core::admin
