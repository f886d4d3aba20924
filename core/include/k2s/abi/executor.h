/* SPDX-License-Identifier: MIT */
/*
 * k2s.executor/1: work on the host's threads. Everything started here belongs to the plugin and is
 * ended by the host before destroy, so a plugin never leaves a thread behind.
 */
#ifndef K2S_ABI_EXECUTOR_H
#define K2S_ABI_EXECUTOR_H

#include <k2s/abi/host.h>

#ifdef __cplusplus
extern "C" {
#endif

#define K2S_EXECUTOR_ID "k2s.executor/1"

typedef void(K2S_CALL *k2s_task_fn)(void *context);

typedef struct k2s_executor {
    uint32_t struct_size;
    uint32_t reserved;

    /* Runs task(context) soon, never inside this call, one after the other per plugin: the task is
     * [strand, no-block]. K2S_E_STATE once the plugin is being destroyed. [any-thread, no-block] */
    int32_t(K2S_CALL *post)(const k2s_host *host, k2s_task_fn task, void *context);

    /* Runs the task after `delay_ms`, then every `period_ms` when that is not 0. The task is
     * [strand, no-block]. [any-thread, no-block] */
    int32_t(K2S_CALL *timer)(const k2s_host *host, uint64_t delay_ms, uint64_t period_ms,
                             k2s_task_fn task, void *context, k2s_handle *out);

    /* Ends a timer. When it returns the task is not running and will not run again; called from
     * within the task itself it only prevents the next run. [any-thread, may-block] */
    int32_t(K2S_CALL *cancel)(const k2s_host *host, k2s_handle timer);

    /* Runs a task that may block on the bounded pool for such work. K2S_E_BUSY when its queue is
     * full. [any-thread, no-block] */
    int32_t(K2S_CALL *offload)(const k2s_host *host, k2s_task_fn task, void *context);

    /* Lends a thread of its own until run(context) returns: for an event loop that belongs to the
     * plugin. `interrupt(context)` must make run return soon; the host calls it, from any thread
     * and at most once, in join and before destroy. [any-thread] */
    int32_t(K2S_CALL *lend)(const k2s_host *host, k2s_str name, k2s_task_fn run,
                            k2s_task_fn interrupt, void *context, k2s_handle *out);

    /* Interrupts a lent thread and waits for it; the handle is gone afterwards.
     * K2S_E_TIMEOUT when it still runs after `deadline_ms` (the handle stays). [may-block] */
    int32_t(K2S_CALL *join)(const k2s_host *host, k2s_handle thread, uint64_t deadline_ms);
} k2s_executor;

#ifdef __cplusplus
}
#endif

#endif
