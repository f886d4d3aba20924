/* SPDX-License-Identifier: MIT */
/*
 * Between the core and its archive module: libarchive for plugin archives and `k2s dump`, loaded
 * when one is read or written. Zip in memory; what may stand in an archive is decided by the core.
 */
#ifndef K2S_CORE_INSTALL_ARCHIVE_TABLE_H
#define K2S_CORE_INSTALL_ARCHIVE_TABLE_H

#include <k2s/abi/base.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { K2S_ARCHIVE_FILE = 0, K2S_ARCHIVE_FOLDER = 1, K2S_ARCHIVE_OTHER = 2 /* link, device */ };

/* What read calls; a negative status ends it with that status. */
typedef struct k2s_archive_reader {
    void *context;
    int32_t(K2S_CALL *entry)(void *context, k2s_str name, uint32_t kind);
    int32_t(K2S_CALL *data)(void *context, k2s_bytes piece); /* of the last entry */
} k2s_archive_reader;

typedef struct k2s_archive {
    uint32_t struct_size;
    uint32_t reserved;

    /* K2S_E_CONFIG with *error filled when it is no whole zip archive. */
    int32_t(K2S_CALL *read)(k2s_bytes archive, const k2s_archive_reader *reader, k2s_error *error);

    /* Names and contents, `count` of each; times are left out, so that equal files give equal
     * bytes. */
    int32_t(K2S_CALL *write)(const k2s_str *names, const k2s_bytes *contents, uint64_t count,
                             const k2s_sink *archive, k2s_error *error);
} k2s_archive;

typedef const k2s_archive *(K2S_CALL *k2s_core_archive_v1_fn)(void);
#define K2S_CORE_ARCHIVE_ENTRY "k2s_core_archive_v1"

#ifdef __cplusplus
}
#endif

#endif
