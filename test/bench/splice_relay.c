/* SPDX-License-Identifier: MIT */
/* The yardstick of the TCP measurements: the least that a relay can do with epoll and splice(2).
 *   splice_relay [HOST:]PORT HOST:PORT
 * No limits, no deadlines, no log, no names; pipes are kept for the next connection. IPv4 only. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIPE_SIZE = 512 * 1024, KEPT = 256 };

struct pair;

struct end {
    int fd;
    struct pair *pair;
};

struct flow {
    int pipe[2];
    size_t held;
    bool source_ended, done;
};

struct pair {
    struct end client, target;
    struct flow out, back;
    struct pair *next_dead;
};

static int loop;
static int kept[KEPT][2];
static int kept_count;

static struct sockaddr_in address_of(const char *text) {
    char host[64] = "0.0.0.0";
    const char *colon = strrchr(text, ':');
    if (colon != NULL) {
        snprintf(host, sizeof host, "%.*s", (int)(colon - text), text);
    }
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)atoi(colon ? colon + 1 : text))};
    inet_pton(AF_INET, host, &a.sin_addr);
    return a;
}

static void take_pipe(int pipe[2]) {
    if (kept_count > 0) {
        --kept_count;
        pipe[0] = kept[kept_count][0];
        pipe[1] = kept[kept_count][1];
        return;
    }
    if (pipe2(pipe, O_CLOEXEC | O_NONBLOCK) != 0) {
        perror("pipe2");
        exit(1);
    }
    fcntl(pipe[1], F_SETPIPE_SZ, PIPE_SIZE);
}

static void drop_pipe(struct flow *flow) {
    if (flow->held == 0 && kept_count < KEPT) {
        kept[kept_count][0] = flow->pipe[0];
        kept[kept_count++][1] = flow->pipe[1];
    } else {
        close(flow->pipe[0]);
        close(flow->pipe[1]);
    }
}

/* False when the pair is over. */
static bool move(struct flow *flow, int from, int to) {
    while (!flow->done) {
        if (flow->held > 0) {
            const ssize_t n = splice(flow->pipe[0], NULL, to, NULL, flow->held,
                                     SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
            if (n < 0) {
                return errno == EAGAIN;
            }
            flow->held -= (size_t)n;
        } else if (flow->source_ended) {
            shutdown(to, SHUT_WR);
            flow->done = true;
        } else {
            const ssize_t n = splice(from, NULL, flow->pipe[1], NULL, PIPE_SIZE,
                                     SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
            if (n < 0) {
                return errno == EAGAIN;
            }
            flow->held = (size_t)n;
            flow->source_ended = n == 0;
        }
    }
    return true;
}

static void watch(int fd, void *data) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.ptr = data};
    epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event);
}

static void begin(int client, const struct sockaddr_in *to) {
    const int on = 1;
    struct pair *pair = calloc(1, sizeof *pair);
    const int target = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(target, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(target, (const struct sockaddr *)to, sizeof *to) != 0 && errno != EINPROGRESS) {
        perror("connect");
    }
    pair->client = (struct end){client, pair};
    pair->target = (struct end){target, pair};
    take_pipe(pair->out.pipe);
    take_pipe(pair->back.pipe);
    watch(target, &pair->target);
    watch(client, &pair->client);
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: splice_relay [HOST:]PORT HOST:PORT\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    const struct sockaddr_in at = address_of(argv[1]);
    const struct sockaddr_in to = address_of(argv[2]);
    const int on = 1;
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on,
               sizeof on); /* accepted sockets inherit it */
    if (bind(listener, (const struct sockaddr *)&at, sizeof at) != 0 ||
        listen(listener, 4096) != 0) {
        perror(argv[1]);
        return 1;
    }
    loop = epoll_create1(EPOLL_CLOEXEC);
    watch(listener, NULL);
    for (;;) {
        struct epoll_event events[128];
        struct pair *dead = NULL;
        const int count = epoll_wait(loop, events, 128, -1);
        for (int i = 0; i < count; ++i) {
            const struct end *end = events[i].data.ptr;
            if (end == NULL) {
                for (int fd;
                     (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
                    begin(fd, &to);
                }
                continue;
            }
            struct pair *pair = end->pair;
            if (pair->client.fd < 0) {
                continue; /* ended by an earlier event of this round */
            }
            const bool alive = move(&pair->out, pair->client.fd, pair->target.fd) &&
                               move(&pair->back, pair->target.fd, pair->client.fd);
            if (!alive || (pair->out.done && pair->back.done)) {
                close(pair->client.fd);
                close(pair->target.fd);
                drop_pipe(&pair->out);
                drop_pipe(&pair->back);
                pair->client.fd = -1;
                pair->next_dead = dead;
                dead = pair;
            }
        }
        while (dead != NULL) {
            struct pair *next = dead->next_dead;
            free(dead);
            dead = next;
        }
    }
}
