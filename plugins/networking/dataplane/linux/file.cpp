// SPDX-License-Identifier: MIT
#include "../file.hpp"

namespace k2s::dataplane {

std::FILE *open_file(const std::string &path, const char *mode) {
    const std::string with_cloexec = std::string(mode) + 'e';
    return std::fopen(path.c_str(), with_cloexec.c_str());
}

} // namespace k2s::dataplane
