/* SPDX-License-Identifier: MIT */
/*
 * The least that a TCP relay can be on Linux: one thread, epoll, splice(2) through one pipe for each
 * direction. No names, limits, timeouts, logs or metrics. What ours is measured against.
 *   splice_relay LISTEN_PORT TARGET_IPV4 TARGET_PORT
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { k_pipe = 1 << 20, k_events = 256 };

struct pair;

/* What is read from `fd` goes through the pipe to the other side. */
struct side {
    struct pair *pair;
    struct side *other;
    int fd;
    int pipe[2];
    size_t piped;
    int ended;   /* nothing more comes from fd */
    int told;    /* the other side knows */
};

struct pair {
    struct side client, upstream;
    struct pair *next_dead;
    int dead;
};

static int poller;
static struct pair *graves; /* freed when the events at hand are done with */

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void end_pair(struct pair *pair) {
    struct side *sides[2] = {&pair->client, &pair->upstream};
    if (pair->dead) {
        return;
    }
    for (int i = 0; i < 2; ++i) {
        close(sides[i]->fd);
        close(sides[i]->pipe[0]);
        close(sides[i]->pipe[1]);
    }
    pair->dead = 1;
    pair->next_dead = graves;
    graves = pair;
}

/* Moves what can be moved from `from`; -1 when the pair is over. */
static int pump(struct side *from) {
    for (;;) {
        int stuck = 1;
        if (!from->ended && from->piped == 0) {
            const ssize_t got = splice(from->fd, NULL, from->pipe[1], NULL, k_pipe,
                                       SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
            if (got > 0) {
                from->piped = (size_t)got;
                stuck = 0;
            } else if (got == 0) {
                from->ended = 1;
            } else if (errno != EAGAIN) {
                return -1;
            }
        }
        if (from->piped != 0) {
            const ssize_t put = splice(from->pipe[0], NULL, from->other->fd, NULL, from->piped,
                                       SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
            if (put > 0) {
                from->piped -= (size_t)put;
                stuck = 0;
            } else if (put == 0 || errno != EAGAIN) {
                return -1;
            }
        }
        if (stuck) {
            break;
        }
    }
    if (from->ended && from->piped == 0 && !from->told) {
        from->told = 1;
        shutdown(from->other->fd, SHUT_WR);
    }
    return from->told && from->other->told ? -1 : 0;
}

static void watch(struct side *side) {
    struct epoll_event event = {EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, {.ptr = side}};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, side->fd, &event) != 0) {
        die("epoll_ctl");
    }
}

static int open_side(struct pair *pair, struct side *side, struct side *other, int fd) {
    const int on = 1;
    side->pair = pair;
    side->other = other;
    side->fd = fd;
    if (pipe2(side->pipe, O_NONBLOCK | O_CLOEXEC) != 0) {
        return -1;
    }
    fcntl(side->pipe[1], F_SETPIPE_SZ, k_pipe);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return 0;
}

static void admit(int client, const struct sockaddr_in *target) {
    struct pair *pair = calloc(1, sizeof *pair);
    const int upstream = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (pair == NULL || upstream < 0 ||
        open_side(pair, &pair->client, &pair->upstream, client) != 0 ||
        open_side(pair, &pair->upstream, &pair->client, upstream) != 0) {
        die("new connection");
    }
    if (connect(upstream, (const struct sockaddr *)target, sizeof *target) != 0 &&
        errno != EINPROGRESS) {
        end_pair(pair);
        return;
    }
    watch(&pair->client);
    watch(&pair->upstream);
}

int main(int argc, char **argv) {
    struct sockaddr_in at = {.sin_family = AF_INET}, target = {.sin_family = AF_INET};
    const int on = 1;
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct epoll_event events[k_events], listening = {EPOLLIN, {.ptr = NULL}};
    if (argc != 4 || inet_pton(AF_INET, argv[2], &target.sin_addr) != 1) {
        fprintf(stderr, "usage: %s LISTEN_PORT TARGET_IPV4 TARGET_PORT\n", argv[0]);
        return 2;
    }
    at.sin_port = htons((uint16_t)atoi(argv[1]));
    target.sin_port = htons((uint16_t)atoi(argv[3]));
    signal(SIGPIPE, SIG_IGN);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (const struct sockaddr *)&at, sizeof at) != 0 || listen(listener, 1024) != 0) {
        die("listen");
    }
    poller = epoll_create1(EPOLL_CLOEXEC);
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &listening);
    for (;;) {
        const int count = epoll_wait(poller, events, k_events, -1);
        for (int i = 0; i < count; ++i) {
            struct side *side = events[i].data.ptr;
            if (side == NULL) {
                int client;
                while ((client = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
                    admit(client, &target);
                }
                continue;
            }
            if (side->pair->dead) {
                continue;
            }
            /* An edge may mean room for the other direction's bytes, too. */
            if (pump(side) != 0 || pump(side->other) != 0) {
                end_pair(side->pair);
            }
        }
        while (graves != NULL) {
            struct pair *dead = graves;
            graves = dead->next_dead;
            free(dead);
        }
    }
}
