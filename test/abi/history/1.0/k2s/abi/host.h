/* SPDX-License-Identifier: MIT */
/*
 * What a plugin is given: the host, and through it the host's services by id.
 * Source of the pattern: CLAP's clap_host/get_extension; ids carry their revision ("k2s.log/1").
 */
#ifndef K2S_ABI_HOST_H
#define K2S_ABI_HOST_H

#include <k2s/abi/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct k2s_host {
    uint32_t struct_size;
    uint32_t abi_minor; /* K2S_ABI_MINOR that the host was built with */
    void *context;      /* the host's own; a plugin does not look inside */
    k2s_str version;    /* product version of the host, e.g. "2.0.0" */

    /* The interface with this id, or NULL when the host does not have it. The pointer stays valid
     * until the plugin's destroy returns. A host object belongs to one plugin: what is logged,
     * registered or started through it is attributed to that plugin. [any-thread, no-block] */
    const void *(K2S_CALL *get)(const struct k2s_host *host, k2s_str id);
} k2s_host;

#ifdef __cplusplus
}
#endif

#endif
