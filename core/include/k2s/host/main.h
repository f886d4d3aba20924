/* SPDX-License-Identifier: MIT */
/* What a host exe hands to the core library. Not part of the plugin ABI: exe and core ship
 * together. */
#ifndef K2S_HOST_MAIN_H
#define K2S_HOST_MAIN_H

#include <k2s/abi/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One exe: a name, the plugin it needs and the command it is. */
typedef struct k2s_preset {
    uint32_t struct_size;
    uint32_t reserved;
    const char *name;    /* as users type it: "httpproxy" */
    const char *plugin;  /* id of the only plugin to look at; "" for all */
    const char *command; /* path below `k2s`; "" for all commands */
} k2s_preset;

/* Exported by the core library. `root` is the installed tree (UTF-8), `argv` is UTF-8 on Windows
 * and as received on Linux. Returns the process exit code. */
typedef int(K2S_CALL *k2s_core_main_v1_fn)(const k2s_preset *preset, const char *root, int argc,
                                           const char *const *argv);
#define K2S_CORE_MAIN "k2s_core_main_v1"

#ifdef __cplusplus
}
#endif

#endif
