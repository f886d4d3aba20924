// SPDX-License-Identifier: MIT
#include "layer/tree.hpp"

namespace k2s::image {

std::string file_capability(const std::string & /*path*/) {
    return {};
}

} // namespace k2s::image
