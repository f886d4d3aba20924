// SPDX-License-Identifier: MIT
#include "app/hidden_passwords.hpp"

#include <algorithm>

namespace k2s::core {

// The words are the kernel's own memory of the command line: /proc/PID/cmdline shows what is there.
bool hide_passwords(int argc, const char *const *argv) {
    bool any = false;
    for (int i = 1; i < argc; ++i) {
        const auto [offset, length] = password_in(argv[i]);
        std::fill_n(const_cast<char *>(argv[i]) + offset, length, '*');
        any = any || length != 0;
    }
    return any;
}

} // namespace k2s::core
