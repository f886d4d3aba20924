/* SPDX-License-Identifier: MIT */
/*
 * Optional interfaces of a plugin around its life: k2s.health/1, k2s.lifecycle/1 and
 * k2s.diagnostics/1.
 */
#ifndef K2S_ABI_DRAFT_LIFECYCLE_H
#define K2S_ABI_DRAFT_LIFECYCLE_H

#include <k2s/abi/base.h>
#include <k2s/abi/reconfigure.h> /* was here before it was frozen */

#ifdef __cplusplus
extern "C" {
#endif

#define K2S_HEALTH_ID "k2s.health/1"
#define K2S_LIFECYCLE_ID "k2s.lifecycle/1"
#define K2S_DIAGNOSTICS_ID "k2s.diagnostics/1"

typedef struct k2s_health {
    uint32_t struct_size;
    uint32_t reserved;

    /* K2S_OK: healthy. Negative: not, with the reason in *error. Asked by /readyz and by
     * `k2s host status`; answers from what is known, without network calls. [any-thread, no-block]
     */
    int32_t(K2S_CALL *check)(void *self, k2s_error *error);
} k2s_health;

/* Steps of a host that runs services. */
#define K2S_STEP_STARTED 1  /* its services run; they do their job meanwhile */
#define K2S_STEP_STOPPING 2 /* its services are about to drain */
#define K2S_STEP_SHUTDOWN 3 /* the same, because the system goes down (Windows tells) */

typedef struct k2s_lifecycle {
    uint32_t struct_size;
    uint32_t reserved;

    /* Does what belongs beside the services in this step (K2S_STEP_*); K2S_E_UNSUPPORTED: nothing.
     * One step at a time, beside the plugin's other functions. A failure is logged and stops
     * nothing. deadline_ms: then the host ends without waiting any longer; 0 for "started", which
     * has to return soon after k2s.stdio says that the host is cancelled. [any-thread, may-block]
     */
    int32_t(K2S_CALL *step)(void *self, uint32_t step, uint64_t deadline_ms, k2s_error *error);
} k2s_lifecycle;

typedef struct k2s_diagnostics {
    uint32_t struct_size;
    uint32_t reserved;

    /* Writes one JSON object with what helps to find a fault, for `k2s host diagnostics`; no
     * secrets. A member "findings", a list of {"check", "state": "ok" | "warn" | "fail", "text",
     * "remedy"}, is the plugin's part of `k2s doctor`. [any-thread] */
    int32_t(K2S_CALL *dump)(void *self, const k2s_sink *out, k2s_error *error);
} k2s_diagnostics;

#ifdef __cplusplus
}
#endif

#endif
