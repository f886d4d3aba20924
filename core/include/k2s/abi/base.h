/* SPDX-License-Identifier: MIT */
/*
 * The vocabulary of the K2s plugin ABI: strings, byte ranges, sinks, status codes and errors.
 *
 * Rules that hold for every header in this folder (docs/abi/rules.md explains each one):
 *  - C11, no dependency but <stdint.h> and <stddef.h>; 64-bit targets only.
 *  - Every struct that may grow starts with `uint32_t struct_size` and only ever grows at its end;
 *    ask K2S_HAS(p, field) before reading a field that your own header knows.
 *  - Fixed-width integers, pointers and nested structs only; padding is spelled out.
 *  - Arguments are borrowed for the duration of the call unless the text says otherwise.
 *  - No allocation, exception or C++ type crosses the boundary.
 */
#ifndef K2S_ABI_BASE_H
#define K2S_ABI_BASE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The ABI's own version; independent of the product's. The major is part of the entry's name. */
#define K2S_ABI_MAJOR 1
#define K2S_ABI_MINOR 0

#if defined(_WIN32)
#define K2S_CALL __cdecl
#define K2S_EXPORT __declspec(dllexport)
#else
#define K2S_CALL
#define K2S_EXPORT __attribute__((visibility("default")))
#endif

/* True when the struct behind `p` was built with `field` in it. */
#define K2S_HAS(p, field)                                                                          \
    ((uint64_t)((const char *)(&(p)->field + 1) - (const char *)(p)) <= (p)->struct_size)

/* Status: 0 = done; positive = documented by the function; negative = one of these. A command that
 * fails with status -n (n <= 8) ends its process with exit code n. */
#define K2S_OK 0
#define K2S_E_FAILED (-1)      /* anything without a code of its own */
#define K2S_E_USAGE (-2)       /* wrong call: unknown option, missing argument */
#define K2S_E_CONFIG (-3)      /* configuration or manifest is wrong */
#define K2S_E_UNSUPPORTED (-4) /* not on this platform, not in this build, or a retired slot */
#define K2S_E_PERMISSION (-5)  /* not allowed for this user or by policy */
#define K2S_E_NOT_FOUND (-6)   /* the named thing does not exist */
#define K2S_E_TIMEOUT (-7)     /* a deadline passed */
#define K2S_E_PARTIAL (-8)     /* some of it worked; the message says what did not */
#define K2S_E_CANCELLED (-9)   /* the caller asked to stop */
#define K2S_E_BUSY (-10)       /* in use; try again */
#define K2S_E_EXISTS (-11)     /* already there */
#define K2S_E_NO_MEMORY (-12)  /* a bound on memory, size or count was reached */
#define K2S_E_STATE (-13)      /* not valid in the present state (see docs/abi/states.md) */
#define K2S_E_IO (-14)         /* reading or writing failed */

/* UTF-8 text, not NUL-terminated. An empty string may have ptr == NULL. */
typedef struct k2s_str {
    const char *ptr;
    uint64_t len;
} k2s_str;

/* Bytes. The same shape as k2s_str, kept apart because bytes need not be UTF-8. */
typedef struct k2s_bytes {
    const uint8_t *ptr;
    uint64_t len;
} k2s_bytes;

/* Filled by the callee on a negative status; domain and message are NUL-terminated UTF-8 and are
 * cut at a character boundary when too long. */
typedef struct k2s_error {
    uint32_t struct_size;
    int32_t code;
    char domain[32];
    char message[512];
} k2s_error;

/* Where a callee puts a result of any size. `write` takes it all or fails; a failure ends the call
 * that was given the sink. [caller's thread, may-block] */
typedef struct k2s_sink {
    uint32_t struct_size;
    uint32_t reserved;
    void *context;
    int32_t(K2S_CALL *write)(void *context, k2s_bytes data);
} k2s_sink;

/* An object of the other side; 0 is never valid. Means nothing outside the process that made it. */
typedef uint64_t k2s_handle;

#ifdef __cplusplus
}
#endif

#endif
