// SPDX-License-Identifier: MIT
#include <k2s/host/main.h>

#include "app/app.hpp"
#include "app/output.hpp"

extern "C" K2S_EXPORT int K2S_CALL k2s_core_main_v1(const k2s_preset *preset, const char *root,
                                                    int argc, const char *const *argv) {
    // Never destructed: plugin code is still mapped, and the system takes everything back anyway.
    k2s::core::App app(*preset, root);
    k2s::core::end_process(app.run(std::vector<std::string>(argv + 1, argv + argc)));
}
