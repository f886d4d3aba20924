/* SPDX-License-Identifier: MIT */
/* Included before each libfyaml source on Windows: what mingw-w64's headers lack. */
#ifndef K2S_FYAML_WINDOWS_H
#define K2S_FYAML_WINDOWS_H

#include <fcntl.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

/* Text mode would end a document at Ctrl-Z and shift every position by the lost carriage returns. */
#undef O_RDONLY
#define O_RDONLY _O_BINARY /* _O_RDONLY is 0 */

#define _SC_PAGESIZE 1
static inline long sysconf(int name) { return name == _SC_PAGESIZE ? 4096 : -1; }

/* glibc's qsort_r over qsort_s, which has the context first. Without it libfyaml sorts through a
 * global variable. */
struct k2s_qsort {
    int (*compare)(const void *, const void *, void *);
    void *context;
};

static inline int k2s_qsort_compare(void *self, const void *a, const void *b) {
    const struct k2s_qsort *q = self;
    return q->compare(a, b, q->context);
}

static inline void qsort_r(void *base, size_t count, size_t size,
                           int (*compare)(const void *, const void *, void *), void *context) {
    struct k2s_qsort q = {compare, context};
    qsort_s(base, count, size, k2s_qsort_compare, &q);
}

#endif
