/* SPDX-License-Identifier: MIT */
/*
 * k2s.log/1: structured records. Levels are those of Go's slog, so that the original tools'
 * -verbosity values keep their meaning.
 */
#ifndef K2S_ABI_LOG_H
#define K2S_ABI_LOG_H

#include <k2s/abi/host.h>

#ifdef __cplusplus
extern "C" {
#endif

#define K2S_LOG_ID "k2s.log/1"

#define K2S_LOG_DEBUG (-4)
#define K2S_LOG_INFO 0
#define K2S_LOG_WARN 4
#define K2S_LOG_ERROR 8

#define K2S_FIELD_TEXT 0 /* text */
#define K2S_FIELD_INT 1  /* integer */
#define K2S_FIELD_REAL 2 /* real */
#define K2S_FIELD_BOOL 3 /* integer, 0 or 1 */
#define K2S_FIELD_JSON 4 /* text, which is JSON */

typedef struct k2s_field {
    k2s_str key;
    k2s_str text;
    int64_t integer;
    double real;
    uint32_t kind; /* K2S_FIELD_* */
    uint32_t reserved;
} k2s_field;

typedef struct k2s_log {
    uint32_t struct_size;
    uint32_t reserved;

    /* Records below *threshold are dropped: read it (relaxed) before building a record, it may
     * change at any time. [any-thread, no-block] */
    const int32_t *threshold;

    /* Writes one record; never fails, never waits for a slow reader for longer than one write.
     * Invalid UTF-8 is replaced and control characters escaped. `stride` is sizeof(k2s_field) as
     * the caller knows it. [any-thread] */
    void(K2S_CALL *write)(const k2s_host *host, int32_t level, k2s_str message,
                          const k2s_field *fields, uint64_t count, uint64_t stride);
} k2s_log;

#ifdef __cplusplus
}
#endif

#endif
