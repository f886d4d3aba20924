/* SPDX-License-Identifier: MIT */
/* k2s.events/1: notices from one to many, as JSON, without knowing who listens. */
#ifndef K2S_ABI_DRAFT_EVENTS_H
#define K2S_ABI_DRAFT_EVENTS_H

#include <k2s/abi/host.h>

#ifdef __cplusplus
extern "C" {
#endif

#define K2S_EVENTS_ID "k2s.events/1"

/* Called one after the other per plugin. [strand, no-block] */
typedef void(K2S_CALL *k2s_event_fn)(void *context, k2s_str topic, k2s_str json);

typedef struct k2s_events {
    uint32_t struct_size;
    uint32_t reserved;

    /* Queues a notice for every subscriber; at most 64 KiB of JSON. A subscriber whose queue is
     * full loses the oldest notice, which is counted. Topics are dotted: "service.started".
     * [any-thread, no-block] */
    int32_t(K2S_CALL *publish)(const k2s_host *host, k2s_str topic, k2s_str json, k2s_error *error);

    /* Delivers notices whose topic equals `topic`, or starts with it and a dot; "" is all.
     * [any-thread, no-block] */
    int32_t(K2S_CALL *subscribe)(const k2s_host *host, k2s_str topic, k2s_event_fn deliver,
                                 void *context, k2s_handle *out);

    /* When it returns, deliver is not running and will not run again; called from within deliver it
     * only prevents the next one. [any-thread, may-block] */
    int32_t(K2S_CALL *unsubscribe)(const k2s_host *host, k2s_handle subscription);
} k2s_events;

#ifdef __cplusplus
}
#endif

#endif
