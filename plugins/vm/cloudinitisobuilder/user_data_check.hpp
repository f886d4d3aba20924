// SPDX-License-Identifier: MIT
#pragma once

#include "seed_check.hpp"

namespace k2s::cloudinitisobuilder {

/// user-data and vendor-data: a format that cloud-init recognises by its first bytes, and for
/// cloud-config also its YAML, plain text passwords and keys that are none.
void check_user_data(const SeedFile &file, Findings &findings);

} // namespace k2s::cloudinitisobuilder
