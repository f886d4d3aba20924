/* SPDX-License-Identifier: MIT */
/* libfyaml asks a terminal for its width through these. A Windows console has no termios: the calls
 * fail, and libfyaml goes on with its default width. */
#ifndef K2S_FYAML_TERMIOS_H
#define K2S_FYAML_TERMIOS_H

#include <errno.h>

struct termios {
    int unused;
};

#define TCSANOW 0

static inline int tcgetattr(int fd, struct termios *t) {
    (void)fd, (void)t;
    errno = ENOTTY;
    return -1;
}

static inline int tcsetattr(int fd, int when, const struct termios *t) {
    (void)fd, (void)when, (void)t;
    errno = ENOTTY;
    return -1;
}

static inline void cfmakeraw(struct termios *t) { (void)t; }

#endif
