/* SPDX-License-Identifier: MIT */
/* k2s.drain/1 (of the plugin): several services of a host end side by side. */
#ifndef K2S_ABI_DRAFT_DRAIN_H
#define K2S_ABI_DRAFT_DRAIN_H

#include <k2s/abi/base.h>

#ifdef __cplusplus
extern "C" {
#endif

#define K2S_DRAIN_ID "k2s.drain/1"

typedef struct k2s_drain {
    uint32_t struct_size;
    uint32_t reserved;

    /* The host ends: from now on the service takes no new work; what runs may run until
     * `deadline_ms`. Returns at once; `stop` follows and waits. Without this table, or when it
     * fails, `stop` begins to drain when the services stopped before it have drained. [strand] */
    int32_t(K2S_CALL *begin)(void *self, k2s_handle service, uint64_t deadline_ms,
                             k2s_error *error);
} k2s_drain;

#ifdef __cplusplus
}
#endif

#endif
