/* SPDX-License-Identifier: MIT */
/* k2s.reconfigure/1 (of the plugin): hears that settings have changed. */
#ifndef K2S_ABI_RECONFIGURE_H
#define K2S_ABI_RECONFIGURE_H

#include <k2s/abi/base.h>

#ifdef __cplusplus
extern "C" {
#endif

#define K2S_RECONFIGURE_ID "k2s.reconfigure/1"

typedef struct k2s_reconfigure {
    uint32_t struct_size;
    uint32_t reserved;

    /* k2s.config has a new snapshot that differs for this plugin. On failure the host keeps the old
     * one. [strand, may-block] */
    int32_t(K2S_CALL *changed)(void *self, k2s_error *error);
} k2s_reconfigure;

#ifdef __cplusplus
}
#endif

#endif
