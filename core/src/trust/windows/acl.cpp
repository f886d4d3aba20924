// SPDX-License-Identifier: MIT
#include "trust/windows/acl.hpp"

namespace k2s::core::trust {

namespace {

// Every right that lets its holder change what is loaded, now or after one more step.
constexpr DWORD k_changes = FILE_WRITE_DATA | FILE_APPEND_DATA | FILE_DELETE_CHILD | DELETE |
                            WRITE_DAC | WRITE_OWNER | GENERIC_WRITE | GENERIC_ALL;

struct Group {
    WELL_KNOWN_SID_TYPE sid;
    std::string_view name;
    std::string_view text;
};

// Groups that an ordinary account is in without anybody having put it there.
constexpr Group k_broad[] = {
    {WinWorldSid, "Everyone", "S-1-1-0"},
    {WinAuthenticatedUserSid, "Authenticated Users", "S-1-5-11"},
    {WinBuiltinUsersSid, "Users", "S-1-5-32-545"},
    {WinBuiltinGuestsSid, "Guests", "S-1-5-32-546"},
    {WinInteractiveSid, "INTERACTIVE", "S-1-5-4"},
    {WinNetworkSid, "NETWORK", "S-1-5-2"},
    {WinAnonymousSid, "ANONYMOUS LOGON", "S-1-5-7"},
};

} // namespace

Result<void> judge_access(PSECURITY_DESCRIPTOR descriptor, std::string_view name) {
    BOOL present = FALSE;
    BOOL defaulted = FALSE;
    PACL list = nullptr;
    if (::GetSecurityDescriptorDacl(descriptor, &present, &list, &defaulted) == FALSE ||
        present == FALSE || list == nullptr) {
        return fail(K2S_E_PERMISSION,
                    "'{}' has no access control list, so everybody could change what this host "
                    "runs: icacls \"{}\" /reset",
                    name, name);
    }
    for (DWORD n = 0; n < list->AceCount; ++n) {
        void *entry = nullptr;
        if (::GetAce(list, n, &entry) == FALSE) {
            continue;
        }
        const auto *header = static_cast<const ACE_HEADER *>(entry);
        if (header->AceType != ACCESS_ALLOWED_ACE_TYPE ||
            (header->AceFlags & INHERIT_ONLY_ACE) != 0) {
            continue; // a deny entry only takes away, and inherit-only ones are for other objects
        }
        auto *allowed = static_cast<ACCESS_ALLOWED_ACE *>(entry);
        if ((allowed->Mask & k_changes) == 0) {
            continue;
        }
        for (const auto &group : k_broad) {
            if (::IsWellKnownSid(&allowed->SidStart, group.sid) != FALSE) {
                return fail(
                    K2S_E_PERMISSION,
                    "'{}' may be changed by the group '{}', whose members could change what "
                    "this host runs: icacls \"{}\" /inheritance:d /remove:g *{}",
                    name, group.name, name, group.text);
            }
        }
    }
    return {};
}

} // namespace k2s::core::trust
