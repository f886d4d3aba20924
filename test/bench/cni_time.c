/* SPDX-License-Identifier: MIT */
/*
 * Starts a program in a network namespace, COUNT times at once, and says how long it took from the
 * first start to the last end and how much processor time, in microseconds, and the largest
 * resident size in KiB. What enters the namespace is not measured.
 *
 *   cni_time COUNT NETNS INPUT PROGRAM [ARGUMENT…]
 *
 * "%d" in CNI_CONTAINERID and CNI_NETNS becomes a number from 0 to COUNT - 1.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static double micros(struct timeval time) {
    return (double)time.tv_sec * 1e6 + (double)time.tv_usec;
}

/* Replaces the "%d" of a variable. */
static void number(const char *name, const char *pattern, int n) {
    const char *place = pattern != NULL ? strstr(pattern, "%d") : NULL;
    char text[256];
    if (place != NULL) {
        snprintf(text, sizeof(text), "%.*s%d%s", (int)(place - pattern), pattern, n, place + 2);
        setenv(name, text, 1);
    }
}

static char *copy(const char *name) {
    const char *value = getenv(name);
    return value != NULL ? strdup(value) : NULL;
}

int main(int argc, char **argv) {
    const int count = argc > 4 ? atoi(argv[1]) : 0;
    const int place = count > 0 ? open(argv[2], O_RDONLY | O_CLOEXEC) : -1;
    const int output = open("/dev/null", O_WRONLY);
    if (place < 0 || output < 0 || access(argv[3], R_OK) != 0 || setns(place, CLONE_NEWNET) != 0) {
        perror("cni_time");
        return 2;
    }
    const char *id = copy("CNI_CONTAINERID"), *netns = copy("CNI_NETNS");
    const double before = now();
    for (int i = 0; i < count; ++i) {
        number("CNI_CONTAINERID", id, i);
        number("CNI_NETNS", netns, i);
        if (vfork() == 0) {
            dup2(open(argv[3], O_RDONLY), 0); /* each its own: they read it to its end */
            dup2(output, 1);
            execv(argv[4], argv + 4);
            _exit(127);
        }
    }
    int status = 0, failed = 0;
    while (wait(&status) > 0) {
        failed += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    }
    const double took = now() - before;
    struct rusage usage;
    getrusage(RUSAGE_CHILDREN, &usage);
    printf("%.0f %.0f %ld\n", took, micros(usage.ru_utime) + micros(usage.ru_stime),
           usage.ru_maxrss);
    if (failed != 0) {
        fprintf(stderr, "%d of %d failed\n", failed, count);
    }
    return failed != 0;
}
