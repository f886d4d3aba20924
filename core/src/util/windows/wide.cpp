// SPDX-License-Identifier: MIT
#include "util/windows/wide.hpp"

#include <windows.h>

#include <fmt/format.h>

namespace k2s::core {

std::string windows_error(unsigned long code) {
    wchar_t text[512];
    constexpr DWORD k_flags = FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS;
    DWORD length = ::FormatMessageW(
        k_flags, nullptr, code, MAKELANGID(LANG_ENGLISH, SUBLANG_ENGLISH_US), text, 512, nullptr);
    if (length == 0) {
        length = ::FormatMessageW(k_flags, nullptr, code, 0, text, 512, nullptr);
    }
    while (length > 0 && (text[length - 1] <= L' ' || text[length - 1] == L'.')) {
        --length;
    }
    if (length == 0) {
        return fmt::format("error {}", code);
    }
    return fmt::format("{} (error {})", lossy_utf8(from_wide({text, length})), code);
}

} // namespace k2s::core
