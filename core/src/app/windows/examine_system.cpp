// SPDX-License-Identifier: MIT
#include "app/doctor.hpp"

#include <windows.h>

namespace k2s::core {

using State = Finding::State;

namespace {

std::string windows_version() {
    // GetVersionEx tells what the manifest says; this one tells the truth.
    using RtlGetVersion = LONG(WINAPI *)(OSVERSIONINFOW *);
    const auto ask = reinterpret_cast<RtlGetVersion>(reinterpret_cast<void *>(
        ::GetProcAddress(::GetModuleHandleW(L"ntdll.dll"), "RtlGetVersion")));
    OSVERSIONINFOW info{};
    info.dwOSVersionInfoSize = sizeof info;
    return ask != nullptr && ask(&info) == 0 ? fmt::format("Windows {}.{}.{}", info.dwMajorVersion,
                                                           info.dwMinorVersion, info.dwBuildNumber)
                                             : "Windows";
}

Finding library(const wchar_t *name, const char *check, const char *feature) {
    const HMODULE found =
        ::LoadLibraryExW(name, nullptr, LOAD_LIBRARY_SEARCH_SYSTEM32 | LOAD_LIBRARY_AS_DATAFILE);
    if (found == nullptr) {
        return {check, State::warn, "is not there",
                fmt::format("Enable-WindowsOptionalFeature -Online -FeatureName {}", feature)};
    }
    ::FreeLibrary(found);
    return {check, State::ok, "is there", ""};
}

} // namespace

std::vector<Finding> examine_system() {
    return {{"system", State::ok, windows_version(), ""},
            library(L"computenetwork.dll", "host networking (HCN)", "Containers"),
            library(L"vmcompute.dll", "host compute (HCS)", "Microsoft-Hyper-V")};
}

} // namespace k2s::core
