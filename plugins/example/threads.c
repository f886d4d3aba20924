/* SPDX-License-Identifier: MIT */
/*
 * k2s.executor: a plugin makes no thread of its own. `k2s example threads` runs one task in each
 * way that the host offers and shows which of them ran.
 */
#include <stdatomic.h>

#include "host.h"

/* Static, because a task may still be queued when the command has returned. */
static atomic_int posted;
static atomic_int timed;
static atomic_int offloaded;
static atomic_int lent;
static atomic_int interrupted;

static void K2S_CALL count(void *context) {
    atomic_fetch_add((atomic_int *)context, 1);
}

/* A loop that belongs to the plugin, on a thread of its own. An event loop would wait in here for
 * its next event, and `interrupt` would wake it; this one only lives for a moment, so it may spin.
 */
static void K2S_CALL loop(void *context) {
    (void)context;
    atomic_fetch_add(&lent, 1);
    while (atomic_load(&interrupted) == 0) {
    }
}

static void K2S_CALL interrupt(void *context) {
    (void)context;
    atomic_store(&interrupted, 1);
}

int32_t run_threads(const k2s_invocation *call, k2s_error *error) {
    atomic_store(&interrupted, 0);

    /* A command holds the plugin's strand, so what is posted runs after it returned: the counts of
     * `posted` and `timed` are those of earlier runs. */
    int32_t status = host.executor->post(host.host, count, &posted);
    k2s_handle timer = 0;
    if (status >= 0) {
        status = host.executor->timer(host.host, 0, 0, count, &timed, &timer);
    }
    /* May block, and runs beside the strand. */
    if (status >= 0) {
        status = host.executor->offload(host.host, count, &offloaded);
    }
    k2s_handle thread = 0;
    if (status >= 0) {
        status =
            host.executor->lend(host.host, str("example-loop"), loop, interrupt, NULL, &thread);
    }
    if (status < 0) {
        return fail(error, status, "the host did not take a task");
    }
    status = host.executor->join(host.host, thread, 5000);
    if (status < 0) {
        return fail(error, status, "the lent thread did not end");
    }
    (void)host.executor->cancel(host.host,
                                timer); /* it may have run: then there is nothing to end */

    Text result = {0};
    text_add(&result, str("{\"lent\":"));
    text_add_number(&result, atomic_load(&lent));
    text_add(&result, str(",\"interrupted\":"));
    text_add(&result, str(atomic_load(&interrupted) ? "true" : "false"));
    text_add(&result, str(",\"columns\":"));
    text_add_number(&result, host.stdio->columns(host.host, K2S_STREAM_OUT));
    text_add(&result, str("}"));
    return text_send(&result, call->data);
}
