// SPDX-License-Identifier: MIT
#pragma once

#include <cstdio>
#include <string>

namespace k2s::dataplane {

/// fopen for a UTF-8 path; child processes do not inherit the file. Null: errno says why.
std::FILE *open_file(const std::string &path, const char *mode);

} // namespace k2s::dataplane
