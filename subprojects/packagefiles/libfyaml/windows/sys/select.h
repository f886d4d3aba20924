/* SPDX-License-Identifier: MIT */
/* For the terminal functions of termios.h, which fail before they would wait. */
#ifndef K2S_FYAML_SELECT_H
#define K2S_FYAML_SELECT_H

#include <errno.h>
#include <sys/time.h>

typedef struct {
    int fd;
} fd_set;

#define FD_ZERO(set) ((set)->fd = -1)
#define FD_SET(number, set) ((set)->fd = (number))
#define FD_ISSET(number, set) ((set)->fd == (number))

static inline int select(int count, fd_set *r, fd_set *w, fd_set *e, struct timeval *timeout) {
    (void)count, (void)r, (void)w, (void)e, (void)timeout;
    errno = ENOSYS;
    return -1;
}

#endif
