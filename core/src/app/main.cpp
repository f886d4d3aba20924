// SPDX-License-Identifier: MIT
#include <k2s/host/main.h>

#include "app/app.hpp"
#include "app/hidden_passwords.hpp"
#include "app/output.hpp"

extern "C" K2S_EXPORT int K2S_CALL k2s_core_main_v1(const k2s_preset *preset, const char *root,
                                                    int argc, const char *const *argv) {
    // Never destructed: plugin code is still mapped, and the system takes everything back anyway.
    k2s::core::App app(*preset, root);
    std::vector<std::string> arguments(argv + 1, argv + argc);
    if (k2s::core::hide_passwords(argc, argv)) {
        k2s::core::write_err("warning: the command line holds a password, which other users could "
                             "see; put it into a file (see the option's documentation)\n");
    }
    k2s::core::end_process(app.run(arguments));
}
