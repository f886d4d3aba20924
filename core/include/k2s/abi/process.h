/* SPDX-License-Identifier: MIT */
/*
 * k2s.process/1: a child process with an argument vector (never a shell), bounded output and a
 * deadline; the whole tree below it ends with it.
 */
#ifndef K2S_ABI_PROCESS_H
#define K2S_ABI_PROCESS_H

#include <k2s/abi/host.h>

#ifdef __cplusplus
extern "C" {
#endif

#define K2S_PROCESS_ID "k2s.process/1"

typedef struct k2s_process_spec {
    uint32_t struct_size;
    uint32_t reserved;
    const k2s_str *argv; /* argv[0]: absolute path of the program */
    uint64_t argc;
    const k2s_str *env; /* "NAME=value" added, "NAME" removed; the rest is inherited */
    uint64_t env_count;
    k2s_str directory;     /* empty: the host's */
    k2s_bytes input;       /* standard input, then end of file */
    const k2s_sink *out;   /* NULL: discarded */
    const k2s_sink *err;   /* NULL: discarded */
    uint64_t output_limit; /* bytes per stream; more ends the process. 0: 16 MiB */
    uint64_t deadline_ms;  /* 0: 60 000 */
} k2s_process_spec;

typedef struct k2s_process_result {
    uint32_t struct_size;
    int32_t exit_code;  /* when signal is 0 */
    uint32_t signal;    /* Linux: the signal that ended it; Windows: the NTSTATUS of a crash */
    uint32_t timed_out; /* 1: ended at the deadline */
} k2s_process_result;

typedef struct k2s_process {
    uint32_t struct_size;
    uint32_t reserved;

    /* Runs it to its end. The correlation id is handed on in the environment. K2S_OK also when the
     * child failed: look at the result. K2S_E_NOT_FOUND: no such program; K2S_E_TIMEOUT: result is
     * filled as well. [any-thread, may-block] */
    int32_t(K2S_CALL *run)(const k2s_host *host, const k2s_process_spec *spec,
                           k2s_process_result *result, k2s_error *error);
} k2s_process;

#ifdef __cplusplus
}
#endif

#endif
