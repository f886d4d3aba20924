// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include <windows.h>

namespace k2s::dataplane {

/// UTF-8 as the system's wide functions want it.
inline std::wstring wide(std::string_view text) {
    const int size = static_cast<int>(text.size());
    std::wstring out(text.size(), L'\0'); // UTF-16 never has more units than UTF-8
    const int length = MultiByteToWideChar(CP_UTF8, 0, text.data(), size, out.data(), size);
    out.resize(static_cast<size_t>(std::max(length, 0)));
    return out;
}

} // namespace k2s::dataplane
