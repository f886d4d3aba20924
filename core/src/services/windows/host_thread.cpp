// SPDX-License-Identifier: MIT
#include "services/host_thread.hpp"

#include <windows.h>

#include "util/windows/wide.hpp"

namespace k2s::core {

void name_this_thread(const std::string &name) noexcept {
    try {
        // Since Windows 10 1607; the import library of older tool chains does not have it.
        using SetDescription = HRESULT(WINAPI *)(HANDLE, PCWSTR);
        static const auto set_description =
            reinterpret_cast<SetDescription>(reinterpret_cast<void *>(
                ::GetProcAddress(::GetModuleHandleW(L"kernel32.dll"), "SetThreadDescription")));
        if (set_description != nullptr) {
            set_description(::GetCurrentThread(), to_wide(name).c_str());
        }
    } catch (...) {
        // A thread without a name works as well.
    }
}

} // namespace k2s::core
