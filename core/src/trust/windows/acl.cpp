// SPDX-License-Identifier: MIT
#include "trust/windows/acl.hpp"

#include <string>
#include <vector>

#include <sddl.h>

#include "process/windows/handle.hpp"
#include "util/windows/wide.hpp"

namespace k2s::core::trust {

namespace {

// Every right that lets its holder change what is loaded, now or after one more step.
constexpr DWORD k_changes = FILE_WRITE_DATA | FILE_APPEND_DATA | FILE_DELETE_CHILD | DELETE |
                            WRITE_DAC | WRITE_OWNER | GENERIC_WRITE | GENERIC_ALL;

// What lets its holder put another folder in the place of one that is inside.
constexpr DWORD k_replaces = FILE_DELETE_CHILD | DELETE | WRITE_DAC | WRITE_OWNER | GENERIC_ALL;

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

/// TOKEN_USER of this process, as bytes.
const std::vector<char> &this_user() {
    static const std::vector<char> user = [] {
        HANDLE token = nullptr;
        ::OpenProcessToken(::GetCurrentProcess(), TOKEN_QUERY, &token);
        const Handle held(token);
        DWORD size = 0;
        ::GetTokenInformation(token, TokenUser, nullptr, 0, &size);
        std::vector<char> bytes(size);
        if (size == 0 ||
            ::GetTokenInformation(token, TokenUser, bytes.data(), size, &size) == FALSE) {
            bytes.clear();
        }
        return bytes;
    }();
    return user;
}

std::string sid_text(PSID sid) {
    LPWSTR text = nullptr;
    if (::ConvertSidToStringSidW(sid, &text) == FALSE) {
        return "?";
    }
    auto result = from_wide(text);
    ::LocalFree(text);
    return result;
}

// Service SID of TrustedInstaller, the owner of Windows' own folders.
constexpr std::string_view k_trusted_installer =
    "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464";

bool may_administer(PSID sid) {
    const auto &user = this_user();
    return ::IsWellKnownSid(sid, WinBuiltinAdministratorsSid) != FALSE ||
           ::IsWellKnownSid(sid, WinLocalSystemSid) != FALSE ||
           (!user.empty() &&
            ::EqualSid(sid, reinterpret_cast<const TOKEN_USER *>(user.data())->User.Sid) !=
                FALSE) ||
           sid_text(sid) == k_trusted_installer;
}

Result<void> judge_owner(PSECURITY_DESCRIPTOR descriptor, std::string_view name) {
    PSID owner = nullptr;
    BOOL defaulted = FALSE;
    if (::GetSecurityDescriptorOwner(descriptor, &owner, &defaulted) != FALSE && owner != nullptr &&
        may_administer(owner)) {
        return {};
    }
    return fail(K2S_E_PERMISSION,
                "'{}' belongs to {}, who could change what this privileged host runs: icacls "
                "\"{}\" /setowner *S-1-5-32-544",
                name, owner != nullptr ? sid_text(owner) : "nobody", name);
}

} // namespace

Result<void> judge_access(PSECURITY_DESCRIPTOR descriptor, std::string_view name, Access access) {
    if (access != Access::change) {
        if (auto owner = judge_owner(descriptor, name); !owner) {
            return owner;
        }
    }
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
        if ((allowed->Mask & (access == Access::replace_strict ? k_replaces : k_changes)) == 0) {
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
        if (access != Access::change && !may_administer(&allowed->SidStart)) {
            const auto sid = sid_text(&allowed->SidStart);
            return fail(K2S_E_PERMISSION,
                        "'{}' may be changed by {}, who is no administrator: icacls \"{}\" "
                        "/inheritance:d /remove:g *{}",
                        name, sid, name, sid);
        }
    }
    return {};
}

} // namespace k2s::core::trust
