/* SPDX-License-Identifier: MIT */
/*
 * k2s.config/1: the settings of this plugin's features, already checked against the JSON Schema of
 * plugin.json, defaults filled in.
 */
#ifndef K2S_ABI_DRAFT_CONFIG_H
#define K2S_ABI_DRAFT_CONFIG_H

#include <k2s/abi/host.h>

#ifdef __cplusplus
extern "C" {
#endif

#define K2S_CONFIG_ID "k2s.config/1"

typedef struct k2s_config {
    uint32_t struct_size;
    uint32_t reserved;

    /* Counts up with every change of the snapshot. [any-thread, no-block] */
    uint64_t(K2S_CALL *generation)(const k2s_host *host);

    /* Writes the JSON text at `pointer` (RFC 6901; "" is everything, a map from feature id to its
     * settings). K2S_E_NOT_FOUND when nothing is there. [any-thread] */
    int32_t(K2S_CALL *read)(const k2s_host *host, k2s_str pointer, const k2s_sink *out,
                            k2s_error *error);
} k2s_config;

#ifdef __cplusplus
}
#endif

#endif
