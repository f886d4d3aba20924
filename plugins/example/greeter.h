/* SPDX-License-Identifier: MIT */
/*
 * The contract example.greeter, version 1: what another plugin includes to use it. A contract is a
 * table of functions that starts with its size, so that later versions can append to it.
 */
#ifndef EXAMPLE_GREETER_H
#define EXAMPLE_GREETER_H

#include <k2s/abi/base.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EXAMPLE_GREETER "example.greeter"

typedef struct example_greeter {
    uint32_t struct_size;
    uint32_t reserved;

    /* Writes a greeting of `name` to `out`. [any-thread] */
    int32_t(K2S_CALL *greet)(void *self, k2s_str name, const k2s_sink *out);
} example_greeter;

#ifdef __cplusplus
}
#endif

#endif
