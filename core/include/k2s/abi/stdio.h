/* SPDX-License-Identifier: MIT */
/*
 * k2s.stdio/1: what a command may use of the process it runs in. Output goes through the sinks of
 * k2s_invocation, never through the C library.
 */
#ifndef K2S_ABI_STDIO_H
#define K2S_ABI_STDIO_H

#include <k2s/abi/host.h>

#ifdef __cplusplus
extern "C" {
#endif

#define K2S_STDIO_ID "k2s.stdio/1"

#define K2S_STREAM_IN 0
#define K2S_STREAM_OUT 1
#define K2S_STREAM_ERR 2

typedef struct k2s_stdio {
    uint32_t struct_size;
    uint32_t reserved;

    /* Reads raw standard input (binary on Windows too). Returns the bytes read, 0 at the end,
     * K2S_E_CANCELLED once the command is to stop. [may-block] */
    int64_t(K2S_CALL *read)(const k2s_host *host, uint8_t *buffer, uint64_t size);

    /* Columns of the terminal behind the stream; 0 when it is none. [any-thread, no-block] */
    uint32_t(K2S_CALL *columns)(const k2s_host *host, uint32_t stream);

    /* Writes the variable's value. K2S_E_NOT_FOUND when it is not set. [any-thread] */
    int32_t(K2S_CALL *environment)(const k2s_host *host, k2s_str name, const k2s_sink *out);

    /* 1 once the running command was asked to stop (Ctrl-C, SIGTERM, service stop). Long work asks
     * now and then and returns K2S_E_CANCELLED. [any-thread, no-block] */
    uint32_t(K2S_CALL *cancelled)(const k2s_host *host);
} k2s_stdio;

#ifdef __cplusplus
}
#endif

#endif
