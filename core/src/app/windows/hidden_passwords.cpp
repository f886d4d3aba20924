// SPDX-License-Identifier: MIT
#include "app/hidden_passwords.hpp"

#include <algorithm>
#include <cwchar>

#include <windows.h>

namespace k2s::core {

// GetCommandLineW gives the text that other processes read; it stands in writable memory.
bool hide_passwords(int argc, const char *const *argv) {
    bool any = false;
    for (int i = 1; i < argc; ++i) {
        any = any || password_in(argv[i]).second != 0;
    }
    wchar_t *at = any ? GetCommandLineW() : nullptr;
    while (at != nullptr && (at = std::wcsstr(at, L"://")) != nullptr) {
        at += 3;
        const std::size_t length = std::wcscspn(at, L"/ \"");
        wchar_t *const end = at + length;
        wchar_t *const colon = std::find(at, end, L':');
        wchar_t *sign = end;
        while (sign != at && *(sign - 1) != L'@') {
            --sign;
        }
        if (sign != at && colon < sign - 1) {
            std::fill(colon + 1, sign - 1, L'*');
        }
        at = end;
    }
    return any;
}

} // namespace k2s::core
