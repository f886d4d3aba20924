// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include <windows.h>

#include "util/result.hpp"

namespace k2s::core::trust {

/// Refuses a security descriptor that lets a broad group (Everyone, Users, Authenticated Users, …)
/// change the object. `name` is for the message. Apart from the file access, so that tests can
/// judge descriptors written as SDDL. Error: K2S_E_PERMISSION.
Result<void> judge_access(PSECURITY_DESCRIPTOR descriptor, std::string_view name);

} // namespace k2s::core::trust
