// SPDX-License-Identifier: MIT
#include "trust/test/permissions.hpp"

#include <string>

#include <windows.h>

#include <sddl.h>

#include "trust/windows/acl.hpp"

namespace permissions {

namespace {

struct Case {
    const wchar_t *sddl;
    const char *refused_for; // nullptr: accepted
};

constexpr Case k_cases[] = {
    // What Program Files has: administrators and SYSTEM change, users read and run.
    {L"D:(A;;FA;;;BA)(A;;FA;;;SY)(A;;0x1200a9;;;BU)", nullptr},
    {L"D:(A;;FA;;;BA)(A;OICIIO;GA;;;CO)(A;;0x1200a9;;;WD)", nullptr},
    {L"D:(A;;FA;;;WD)", "Everyone"},
    {L"D:(A;;FA;;;BA)(A;;0x1301bf;;;AU)", "Authenticated Users"}, // "modify", as below C:\ itself
    {L"D:(A;;0x2;;;BU)", "Users"},                                // write data only
    {L"D:(A;;WD;;;BU)", "Users"},                                 // may change this very list
    {L"D:(A;;DT;;;BU)", "Users"},                                 // may replace what is inside
    {L"D:(A;;GW;;;IU)", "INTERACTIVE"},
    {L"D:(A;OICIIO;GA;;;WD)(A;;FA;;;BA)", nullptr}, // for children only
    {L"D:(D;;FA;;;WD)(A;;FA;;;BA)", nullptr},       // a deny entry
};

using k2s::core::trust::Access;

// As a privileged process judges; O: is the owner.
struct StrictCase {
    const wchar_t *sddl;
    Access access;
    const char *refused_for;
};

constexpr StrictCase k_strict_cases[] = {
    {L"O:BAD:(A;;FA;;;BA)(A;;FA;;;SY)(A;;0x1200a9;;;BU)", Access::change_strict, nullptr},
    {L"O:SYD:(A;OICIIO;GA;;;CO)(A;;FA;;;BA)", Access::change_strict, nullptr},
    {L"O:BUD:(A;;FA;;;BA)", Access::change_strict, "S-1-5-32-545"},
    {L"O:BAD:(A;;FA;;;S-1-5-21-1-2-3-1001)", Access::change_strict, "S-1-5-21-1-2-3-1001"},
    // C:\ lets users make folders, which replaces nothing that is there.
    {L"O:S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"
     L"D:(A;;FA;;;BA)(A;;0x4;;;AU)(A;OICIIO;0x1301bf;;;AU)",
     Access::replace_strict, nullptr},
    {L"O:BAD:(A;;0x4;;;S-1-5-21-1-2-3-1001)", Access::change_strict, "no administrator"},
    {L"O:BAD:(A;;DT;;;S-1-5-21-1-2-3-1001)", Access::replace_strict, "no administrator"},
    {L"O:BAD:(A;;WO;;;AU)", Access::replace_strict, "Authenticated Users"},
};

/// What is wrong with the judgement; empty when nothing is.
std::string judge(const wchar_t *sddl, Access access, const char *refused_for) {
    PSECURITY_DESCRIPTOR descriptor = nullptr;
    const std::wstring wide = sddl;
    const std::string name(wide.begin(), wide.end());
    if (::ConvertStringSecurityDescriptorToSecurityDescriptorW(sddl, SDDL_REVISION_1, &descriptor,
                                                               nullptr) == FALSE) {
        return "not SDDL: " + name;
    }
    const auto judged = k2s::core::trust::judge_access(descriptor, "C:\\x", access);
    ::LocalFree(descriptor);
    if (judged.has_value() != (refused_for == nullptr) ||
        (!judged && judged.error().message.find(refused_for) == std::string::npos)) {
        return name + ": " + (judged ? "accepted" : judged.error().message);
    }
    return {};
}

} // namespace

std::string check(const boost::filesystem::path &, const boost::filesystem::path &) {
    // Descriptors as text, because wine does not keep those of files.
    for (const auto &one : k_cases) {
        if (auto wrong = judge(one.sddl, Access::change, one.refused_for); !wrong.empty()) {
            return wrong;
        }
    }
    for (const auto &one : k_strict_cases) {
        if (auto wrong = judge(one.sddl, one.access, one.refused_for); !wrong.empty()) {
            return wrong;
        }
    }
    SECURITY_DESCRIPTOR open_to_all;
    ::InitializeSecurityDescriptor(&open_to_all, SECURITY_DESCRIPTOR_REVISION);
    ::SetSecurityDescriptorDacl(&open_to_all, TRUE, nullptr, FALSE);
    if (k2s::core::trust::judge_access(&open_to_all, "C:\\x")) {
        return "no list at all: accepted";
    }
    return {};
}

} // namespace permissions
