/* SPDX-License-Identifier: MIT */
/*
 * k2s.registry/1: contracts, the only way from one plugin to another. A contract is a struct of
 * functions published under a name and a semantic version, declared in both plugins' plugin.json.
 */
#ifndef K2S_ABI_DRAFT_REGISTRY_H
#define K2S_ABI_DRAFT_REGISTRY_H

#include <k2s/abi/host.h>

#ifdef __cplusplus
extern "C" {
#endif

#define K2S_REGISTRY_ID "k2s.registry/1"

/* A contract as it is handed over: its function table and the object the functions work on. */
typedef struct k2s_contract {
    const void *table; /* first member: uint32_t struct_size */
    void *self;        /* first argument of each function of the table */
} k2s_contract;

typedef struct k2s_registry {
    uint32_t struct_size;
    uint32_t reserved;

    /* Publishes a contract that plugin.json lists under "provides". K2S_E_EXISTS when it is already
     * provided; K2S_E_CONFIG when plugin.json does not list it. Withdrawn by the host at the
     * latest before destroy, and when create fails. [strand] */
    int32_t(K2S_CALL *provide)(const k2s_host *host, k2s_str contract, k2s_contract value,
                               k2s_handle *out, k2s_error *error);

    /* Takes it back: every lease is revoked first and given back before this returns. [strand] */
    int32_t(K2S_CALL *withdraw)(const k2s_host *host, k2s_handle provided);

    /* Leases a contract that plugin.json lists under "requires" (the version range stands there).
     * When the provider goes away `revoked(context)` is called on the lessee's behalf; the table
     * must not be used after that call returns. K2S_E_NOT_FOUND when nobody provides it. [strand]
     */
    int32_t(K2S_CALL *acquire)(const k2s_host *host, k2s_str contract,
                               void(K2S_CALL *revoked)(void *context), void *context,
                               k2s_contract *value, k2s_handle *lease, k2s_error *error);

    /* Gives a lease back. [strand] */
    int32_t(K2S_CALL *release)(const k2s_host *host, k2s_handle lease);
} k2s_registry;

#ifdef __cplusplus
}
#endif

#endif
