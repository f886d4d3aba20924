/* SPDX-License-Identifier: MIT */
/*
 * k2s.services/1 (of the plugin): features that run until stopped. The same feature may run several
 * times under different instance names with different settings.
 */
#ifndef K2S_ABI_SERVICES_H
#define K2S_ABI_SERVICES_H

#include <k2s/abi/base.h>

#ifdef __cplusplus
extern "C" {
#endif

#define K2S_SERVICES_ID "k2s.services/1"

typedef struct k2s_services {
    uint32_t struct_size;
    uint32_t reserved;

    /* Starts an instance of `feature` with checked settings (JSON). When it returns K2S_OK the
     * service does its job (a listener is bound); otherwise nothing of it remains.
     * [strand, may-block] */
    int32_t(K2S_CALL *start)(void *self, k2s_str feature, k2s_str instance, k2s_str settings,
                             k2s_handle *out, k2s_error *error);

    /* Changes a running instance without dropping what it serves. On failure the old settings stay
     * in force. K2S_E_UNSUPPORTED: the host stops and starts it instead. [strand, may-block] */
    int32_t(K2S_CALL *reload)(void *self, k2s_handle service, k2s_str settings, k2s_error *error);

    /* Drains: takes no new work, lets running work end until `deadline_ms`, then cuts it. The
     * handle is gone when it returns K2S_OK or K2S_E_PARTIAL (work was cut). [strand, may-block] */
    int32_t(K2S_CALL *stop)(void *self, k2s_handle service, uint64_t deadline_ms, k2s_error *error);

    /* Writes the instance's state as a JSON object for `k2s host status`: what a person wants to
     * know (addresses, counts). [any-thread] */
    int32_t(K2S_CALL *status)(void *self, k2s_handle service, const k2s_sink *out,
                              k2s_error *error);
} k2s_services;

#ifdef __cplusplus
}
#endif

#endif
