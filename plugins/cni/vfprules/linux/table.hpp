// SPDX-License-Identifier: MIT
#pragma once

namespace k2s::vfprules {

/// All our chains are in it, and nothing else.
constexpr const char *k_table = "k2s_vfprules";

} // namespace k2s::vfprules
