// SPDX-License-Identifier: MIT
#pragma once

#include "spec/json.hpp"

namespace k2s::cni {

/// What the plugin finds of what it needs from this system: a list of "findings" as
/// abi/draft/lifecycle.h has them; warnings, for only who has pods needs it. Nothing stays behind.
Json diagnose();

} // namespace k2s::cni
