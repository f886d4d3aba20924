// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include <windows.h>

#include "util/result.hpp"

namespace k2s::core::trust {

enum class Access {
    change,         ///< no broad group (Everyone, Users, Authenticated Users, …) may change it
    change_strict,  ///< nobody but administrators, the system and this user may, its owner included
    replace_strict, ///< likewise for a folder further up: remove or take over what is in it
};

/// Refuses a security descriptor that lets others in. `name` is for the message. Apart from the
/// file access, so that tests can judge descriptors written as SDDL. Error: K2S_E_PERMISSION.
Result<void> judge_access(PSECURITY_DESCRIPTOR descriptor, std::string_view name,
                          Access access = Access::change);

} // namespace k2s::core::trust
