// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <string>

#include <k2s/sdk/windows_path.hpp>

namespace k2s {

/// %ProgramData%, or where it is by default.
inline std::string program_data() {
    std::array<wchar_t, MAX_PATH> buffer{};
    const DWORD size =
        GetEnvironmentVariableW(L"ProgramData", buffer.data(), static_cast<DWORD>(buffer.size()));
    return size > 0 && size < buffer.size() ? detail::narrow({buffer.data(), size})
                                            : "C:\\ProgramData";
}

} // namespace k2s
