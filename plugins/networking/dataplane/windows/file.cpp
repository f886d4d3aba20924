// SPDX-License-Identifier: MIT
#include "../file.hpp"

#include <windows.h>

#include "wide.hpp"

namespace k2s::dataplane {
std::FILE *open_file(const std::string &path, const char *mode) {
    const std::wstring with_noinherit = wide(mode) + L'N';
    return _wfopen(wide(path).c_str(), with_noinherit.c_str());
}

} // namespace k2s::dataplane
