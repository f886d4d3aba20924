// SPDX-License-Identifier: MIT
#include "../arguments.hpp"

#include "util/windows/wide.hpp"

// An asterisk in a path is an asterisk: no expansion by the C runtime.
extern "C" int _dowildcard;
int _dowildcard = 0;

int wmain(int argc, wchar_t **argv) {
    std::vector<std::string> arguments;
    for (int n = 0; n < argc; ++n) {
        arguments.push_back(k2s::core::from_wide(argv[n]));
    }
    return k2s::host::run(arguments);
}
