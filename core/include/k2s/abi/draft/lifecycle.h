/* SPDX-License-Identifier: MIT */
/*
 * Optional interfaces of a plugin around its life: k2s.health/1, k2s.reconfigure/1,
 * k2s.lifecycle/1 and k2s.diagnostics/1.
 */
#ifndef K2S_ABI_DRAFT_LIFECYCLE_H
#define K2S_ABI_DRAFT_LIFECYCLE_H

#include <k2s/abi/base.h>

#ifdef __cplusplus
extern "C" {
#endif

#define K2S_HEALTH_ID "k2s.health/1"
#define K2S_RECONFIGURE_ID "k2s.reconfigure/1"
#define K2S_LIFECYCLE_ID "k2s.lifecycle/1"
#define K2S_DIAGNOSTICS_ID "k2s.diagnostics/1"

typedef struct k2s_health {
    uint32_t struct_size;
    uint32_t reserved;

    /* K2S_OK: healthy. Negative: not, with the reason in *error. Asked by /readyz and by
     * `k2s host status`; answers from what is known, without network calls. [any-thread, no-block] */
    int32_t(K2S_CALL *check)(void *self, k2s_error *error);
} k2s_health;

typedef struct k2s_reconfigure {
    uint32_t struct_size;
    uint32_t reserved;

    /* k2s.config has a new snapshot that differs for this plugin. On failure the host keeps the old
     * one. [strand, may-block] */
    int32_t(K2S_CALL *changed)(void *self, k2s_error *error);
} k2s_reconfigure;

#define K2S_STEP_INSTALL 0
#define K2S_STEP_START 1
#define K2S_STEP_STOP 2
#define K2S_STEP_UNINSTALL 3

typedef struct k2s_lifecycle {
    uint32_t struct_size;
    uint32_t reserved;

    /* Does this plugin's part of a step of the product (K2S_STEP_*), or, with dry_run, writes to
     * `plan` what it would do, one JSON object per action. Doing it twice is the same as doing it
     * once. [strand, may-block] */
    int32_t(K2S_CALL *step)(void *self, uint32_t step, uint32_t dry_run, const k2s_sink *plan,
                            k2s_error *error);
} k2s_lifecycle;

typedef struct k2s_diagnostics {
    uint32_t struct_size;
    uint32_t reserved;

    /* Writes one JSON object with what helps to find a fault; no secrets. [any-thread] */
    int32_t(K2S_CALL *dump)(void *self, const k2s_sink *out, k2s_error *error);
} k2s_diagnostics;

#ifdef __cplusplus
}
#endif

#endif
