// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include "util/utf8.hpp"

namespace k2s::core {

static_assert(sizeof(wchar_t) == sizeof(char16_t), "Windows only");

inline std::wstring to_wide(std::string_view text) {
    const std::u16string wide = utf16_from_wtf8(text);
    return std::wstring(wide.begin(), wide.end());
}

inline std::string from_wide(std::wstring_view text) {
    return wtf8_from_utf16(std::u16string(text.begin(), text.end()));
}

/// "Access is denied (error 5)": the system's text for a GetLastError() value, in English where it
/// is installed, without the line end that FormatMessage adds.
std::string windows_error(unsigned long code);

} // namespace k2s::core
