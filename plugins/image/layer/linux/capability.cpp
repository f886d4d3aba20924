// SPDX-License-Identifier: MIT
#include <sys/xattr.h>

#include "layer/tree.hpp"

namespace k2s::image {

std::string file_capability(const std::string &path) {
    char value[256];
    const ssize_t size = lgetxattr(path.c_str(), "security.capability", value, sizeof(value));
    return size > 0 ? std::string(value, static_cast<size_t>(size)) : std::string();
}

} // namespace k2s::image
