// SPDX-License-Identifier: MIT
#include <k2s/host/main.h>

extern "C" const k2s_preset k2s_this_preset{sizeof(k2s_preset), 0, "yaml2json", "storage",
                                            "yaml2json"};
