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

} // namespace

std::string check(const boost::filesystem::path &, const boost::filesystem::path &) {
    // Descriptors as text, because wine does not keep those of files.
    for (const auto &one : k_cases) {
        PSECURITY_DESCRIPTOR descriptor = nullptr;
        const std::wstring wide = one.sddl;
        const std::string name(wide.begin(), wide.end());
        if (::ConvertStringSecurityDescriptorToSecurityDescriptorW(one.sddl, SDDL_REVISION_1,
                                                                   &descriptor, nullptr) == FALSE) {
            return "not SDDL: " + name;
        }
        const auto judged = k2s::core::trust::judge_access(descriptor, "C:\\x");
        ::LocalFree(descriptor);
        if (judged.has_value() != (one.refused_for == nullptr) ||
            (!judged && judged.error().message.find(one.refused_for) == std::string::npos)) {
            return name + ": " + (judged ? "accepted" : judged.error().message);
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
