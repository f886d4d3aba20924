/* SPDX-License-Identifier: MIT */
/*
 * What a plugin is: one exported function that hands out one descriptor.
 * The states that these calls move a plugin through are in docs/abi/states.md.
 */
#ifndef K2S_ABI_PLUGIN_H
#define K2S_ABI_PLUGIN_H

#include <k2s/abi/host.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct k2s_plugin {
    uint32_t struct_size;
    uint32_t abi_minor; /* lowest minor of the host that this plugin works with */
    void *self;         /* given back in every call */
    k2s_str id;         /* equal to "id" in plugin.json */
    k2s_str version;    /* equal to "version" in plugin.json */

    /* Loaded -> Created. Look up host services, provide contracts, read the configuration. When it
     * fails the host takes back everything the plugin registered and does not call destroy.
     * [strand, may-block up to the load deadline] */
    int32_t(K2S_CALL *create)(void *self, k2s_error *error);

    /* Last call; every service is stopped and every contract withdrawn. The code stays mapped.
     * [strand, may-block] */
    void(K2S_CALL *destroy)(void *self);

    /* The plugin's interface with this id, or NULL. Valid until destroy returns.
     * [any-thread, no-block] */
    const void *(K2S_CALL *get)(void *self, k2s_str id);
} k2s_plugin;

/* The one export of a plugin library. It must only fill in *plugin: no thread, no file, no
 * registration (that is what create is for), because the host also calls it in a probe process
 * whose host offers no interface. Loaded with RTLD_NOW | RTLD_LOCAL, LOAD_LIBRARY_SEARCH_*.
 * Returns K2S_OK, or a negative status with *error filled. [strand, no-block] */
typedef int32_t(K2S_CALL *k2s_plugin_entry_v1_fn)(const k2s_host *host, const k2s_plugin **plugin,
                                                  k2s_error *error);
#define K2S_PLUGIN_ENTRY "k2s_plugin_entry_v1"

#ifdef __cplusplus
}
#endif

#endif
