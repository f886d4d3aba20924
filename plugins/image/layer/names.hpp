// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include "layer/tree.hpp"

namespace k2s::image {

/// What a path in a layer may be: UTF-8 without control characters, not too long, and no name that
/// marks a removal.
Done check_layer_name(std::string_view path);

bool is_utf8(std::string_view text);

/// Moves everything to where Windows looks: the files below `Files`, an empty `Hives` beside it,
/// each with attributes and an access list.
Done place_for_windows(LayerTree &tree, int64_t epoch);

} // namespace k2s::image
