// SPDX-License-Identifier: MIT
#pragma once

#include "nft/transaction.hpp"

namespace k2s::cni::nft {

/// Goes on for packets whose destination is inside of the prefix, or outside of it. The rule has to
/// have looked at the family before.
void match_destination(Expressions &rule, const Prefix &prefix, bool inside);

} // namespace k2s::cni::nft
