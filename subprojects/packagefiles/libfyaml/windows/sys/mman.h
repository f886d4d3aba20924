/* SPDX-License-Identifier: MIT */
/* Private read-only maps of a whole file, which is all that libfyaml makes: memory and a read. */
#ifndef K2S_FYAML_MMAN_H
#define K2S_FYAML_MMAN_H

#include <io.h>
#include <stdlib.h>
#include <sys/types.h>

#define PROT_READ 1
#define MAP_PRIVATE 2
#define MAP_FAILED ((void *)-1)

static inline void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset) {
    char *memory = at || offset ? NULL : malloc(size);
    size_t done = 0;
    (void)protection, (void)flags;
    while (memory && done < size) {
        size_t left = size - done;
        int n = read(fd, memory + done, left > 0x40000000 ? 0x40000000u : (unsigned)left);
        if (n <= 0) {
            free(memory);
            return MAP_FAILED;
        }
        done += (size_t)n;
    }
    return memory ? memory : MAP_FAILED;
}

static inline int munmap(void *memory, size_t size) {
    (void)size;
    free(memory);
    return 0;
}

#endif
