/* SPDX-License-Identifier: MIT */
/* k2s.progress/1: how far long work is. Shown as a bar on a terminal, otherwise not at all. */
#ifndef K2S_ABI_PROGRESS_H
#define K2S_ABI_PROGRESS_H

#include <k2s/abi/host.h>

#ifdef __cplusplus
extern "C" {
#endif

#define K2S_PROGRESS_ID "k2s.progress/1"

#define K2S_UNIT_ITEMS 0
#define K2S_UNIT_BYTES 1

typedef struct k2s_progress {
    uint32_t struct_size;
    uint32_t reserved;

    /* Starts a bar; total 0 = unknown. [any-thread, no-block] */
    int32_t(K2S_CALL *begin)(const k2s_host *host, k2s_str title, uint64_t total, uint32_t unit,
                             k2s_handle *out);

    /* Sets how much is done; cheap enough for every block of work. [any-thread, no-block] */
    void(K2S_CALL *advance)(const k2s_host *host, k2s_handle bar, uint64_t done);

    /* Removes the bar; the handle is gone. [any-thread, no-block] */
    void(K2S_CALL *end)(const k2s_host *host, k2s_handle bar);
} k2s_progress;

#ifdef __cplusplus
}
#endif

#endif
