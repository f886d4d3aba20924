// SPDX-License-Identifier: MIT
#pragma once

#include "base/source.hpp"
#include "store/store.hpp"

namespace k2s::image {

/// Reads the source to its end into the store; what it is must be what `expected` says.
Done store_blob(Intact &to, Source &source, const Descriptor &expected, const Watch &watch);

/// Copies an image with all that belongs to it, and checks each byte on the way. What `to` has
/// intact is not written again.
Done copy_image(const Store &from, Intact &to, const Descriptor &image, const Watch &watch);

} // namespace k2s::image
