// SPDX-License-Identifier: MIT
#pragma once

#include "trust/identity.hpp"

namespace k2s::core::trust {

/// The part of OpenLibrary::open that is the same everywhere: size and format.
Result<void> check_header(const OpenLibrary &library);

} // namespace k2s::core::trust
