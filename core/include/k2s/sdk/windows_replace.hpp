// SPDX-License-Identifier: MIT
#pragma once

// Renaming over a file on Windows; empty elsewhere, where rename() does it.
#if defined(_WIN32)

#include <k2s/sdk/windows_path.hpp>

namespace k2s::detail {

/// Gives the file `from` the name `to`, on the disk when this returns; a file of that name is
/// replaced. Windows refuses while anybody has the old one open, if only to read it: such a reader
/// is waited for, three seconds at most. GetLastError says why not. [any-thread, may-block]
inline bool replace_file(const wchar_t *from, const wchar_t *to) {
    constexpr ULONGLONG k_patience_ms = 3000;
    constexpr DWORD k_pause_ms = 5;
    constexpr DWORD k_never = FILE_ATTRIBUTE_READONLY | FILE_ATTRIBUTE_DIRECTORY;
    const ULONGLONG until = GetTickCount64() + k_patience_ms;
    while (!MoveFileExW(from, to, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH)) {
        const DWORD reason = GetLastError();
        const DWORD attributes = GetFileAttributesW(to);
        const bool in_use = (reason == ERROR_ACCESS_DENIED || reason == ERROR_SHARING_VIOLATION) &&
                            attributes != INVALID_FILE_ATTRIBUTES && (attributes & k_never) == 0;
        if (!in_use || GetTickCount64() >= until) {
            SetLastError(reason);
            return false;
        }
        Sleep(k_pause_ms);
    }
    return true;
}

} // namespace k2s::detail

#endif
