// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include <k2s/sdk/windows_path.hpp>

namespace k2s::vfprules {

inline std::string narrow(std::wstring_view wide) {
    const int size = static_cast<int>(wide.size());
    const int need =
        WideCharToMultiByte(CP_UTF8, 0, wide.data(), size, nullptr, 0, nullptr, nullptr);
    std::string text(static_cast<std::size_t>(need > 0 ? need : 0), '\0');
    WideCharToMultiByte(CP_UTF8, 0, wide.data(), size, text.data(), need, nullptr, nullptr);
    return text;
}

} // namespace k2s::vfprules
