// SPDX-License-Identifier: MIT
#include "util/privilege.hpp"

#include <windows.h>

namespace k2s::core {
namespace {

bool elevated() {
    HANDLE token = nullptr;
    if (::OpenProcessToken(::GetCurrentProcess(), TOKEN_QUERY, &token) == 0) {
        return true; // unknown: the careful answer
    }
    TOKEN_ELEVATION elevation{};
    DWORD size = sizeof elevation;
    const bool known =
        ::GetTokenInformation(token, TokenElevation, &elevation, sizeof elevation, &size) != 0;
    ::CloseHandle(token);
    return !known || elevation.TokenIsElevated != 0;
}

} // namespace

// An elevated token covers SYSTEM, a service under it, and an administrator after consent.
bool is_privileged() {
    static const bool privileged = elevated();
    return privileged;
}

bool is_system_account() {
    return is_privileged();
}

} // namespace k2s::core
