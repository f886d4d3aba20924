// SPDX-License-Identifier: MIT
#include "host.hpp"

#include <stdio.h>
#include <string.h>

#include "version.h"

namespace k2s::host {

bool answers_version(int argc, const char *const *argv) {
    if (argc != 2 || (strcmp(argv[1], "--version") != 0 && strcmp(argv[1], "-version") != 0)) {
        return false;
    }
    printf("%s: %s\n%s", k2s_this_preset.name, k2s_version_string, k2s_version_details);
    return true;
}

void complain(const char *what, const char *why) {
    fprintf(stderr, "%s: %s: %s\n", k2s_this_preset.name, what, why);
}

} // namespace k2s::host
