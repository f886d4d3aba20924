// SPDX-License-Identifier: MIT
#pragma once

// Paths for Windows' wide functions; empty elsewhere, where a path is the bytes that it is.
#if defined(_WIN32)

#include <cstddef>
#include <string>
#include <string_view>

#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <windows.h>

namespace k2s::detail {

/// Empty for what is not UTF-8.
inline std::wstring widen(std::string_view text) {
    const int size = static_cast<int>(text.size());
    const int need =
        MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text.data(), size, nullptr, 0);
    std::wstring wide(static_cast<std::size_t>(need > 0 ? need : 0), L'\0');
    if (need > 0) {
        MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text.data(), size, wide.data(), need);
    }
    return wide;
}

/// Lone surrogates become U+FFFD.
inline std::string narrow(std::wstring_view wide) {
    const int size = static_cast<int>(wide.size());
    const int need =
        WideCharToMultiByte(CP_UTF8, 0, wide.data(), size, nullptr, 0, nullptr, nullptr);
    std::string text(static_cast<std::size_t>(need > 0 ? need : 0), '\0');
    if (need > 0) {
        WideCharToMultiByte(CP_UTF8, 0, wide.data(), size, text.data(), need, nullptr, nullptr);
    }
    return text;
}

/// Absolute and with the prefix that lifts the limit of 260 characters; empty when `path` is not
/// UTF-8 or names nothing.
inline std::wstring system_path(std::string_view path) {
    std::wstring wide = widen(path);
    if (wide.empty() || wide.compare(0, 4, L"\\\\?\\") == 0) {
        return wide;
    }
    const DWORD need = GetFullPathNameW(wide.c_str(), 0, nullptr, nullptr);
    std::wstring full(need, L'\0');
    full.resize(GetFullPathNameW(wide.c_str(), need, full.data(), nullptr));
    if (full.compare(0, 4, L"\\\\.\\") == 0) {
        return full; // a device such as NUL
    }
    return full.compare(0, 2, L"\\\\") == 0 ? L"\\\\?\\UNC\\" + full.substr(2) : L"\\\\?\\" + full;
}

/// `path` without that prefix, as people and other programs know it.
inline std::wstring plain_path(std::wstring path) {
    if (path.compare(0, 8, L"\\\\?\\UNC\\") == 0) {
        return path.replace(2, 6, L"");
    }
    return path.compare(0, 4, L"\\\\?\\") == 0 ? path.substr(4) : path;
}

} // namespace k2s::detail

#endif
