/* SPDX-License-Identifier: MIT */
/* Origin and load for the TCP measurements; one thread, epoll.
 *   tcp_load serve [HOST:]PORT                 echoes; a connection whose first byte is 'B' gets as
 *                                              many bytes as the eight that follow say
 *   tcp_load rate|keep|bulk|idle HOST:PORT [key=value…]
 *     rate: connect, 1 KB there and back, close · keep: the same on kept connections
 *     bulk: receive `bytes` on each connection  · idle: hold them open
 *     connections=32 seconds=3 bytes=1073741824 connect=HOST:PORT (speak CONNECT first)
 * SIGTERM ends it early. Prints RESULT <exchanges> <errors> <p50 us> <p99 us> <us passed> <bytes>.
 * IPv4 only. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGE = 1024, CHUNK = 256 * 1024, SAMPLES = 1 << 21 };

static int loop;
static char block[CHUNK];

static void die(const char *what) {
    perror(what);
    exit(1);
}

static uint64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static struct sockaddr_in address_of(const char *text) {
    char host[64] = "127.0.0.1";
    const char *colon = strrchr(text, ':');
    if (colon != NULL) {
        snprintf(host, sizeof host, "%.*s", (int)(colon - text), text);
    }
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)atoi(colon ? colon + 1 : text))};
    if (inet_pton(AF_INET, host, &a.sin_addr) != 1) {
        fprintf(stderr, "tcp_load: %s is no IPv4 address\n", host);
        exit(2);
    }
    return a;
}

static void watch(int fd, uint32_t events, void *data, int operation) {
    struct epoll_event event = {.events = events, .data.ptr = data};
    if (epoll_ctl(loop, operation, fd, &event) != 0) {
        die("epoll_ctl");
    }
}

/* --- origin ---------------------------------------------------------------------------------- */

struct peer {
    int fd;
    bool bulk, sending;
    uint64_t left;
    size_t have; /* of the bulk request */
    unsigned char request[9];
};

static bool send_bulk(struct peer *p) {
    while (p->left > 0) {
        const ssize_t n =
            send(p->fd, block, p->left < CHUNK ? (size_t)p->left : CHUNK, MSG_NOSIGNAL);
        if (n < 0) {
            if (!p->sending) {
                watch(p->fd, EPOLLOUT, p, EPOLL_CTL_MOD);
                p->sending = true;
            }
            return errno == EAGAIN;
        }
        p->left -= (uint64_t)n;
    }
    return false; /* done: close */
}

static bool serve_peer(struct peer *p) {
    if (p->sending) {
        return send_bulk(p);
    }
    char in[64 * 1024];
    const ssize_t n = recv(p->fd, in, sizeof in, 0);
    if (n <= 0) {
        return n < 0 && errno == EAGAIN;
    }
    if (p->have == 0 && !p->bulk && in[0] == 'B') {
        p->bulk = true;
    }
    if (!p->bulk) {
        p->have = 1;
        return send(p->fd, in, (size_t)n, MSG_NOSIGNAL) == n;
    }
    for (ssize_t i = 0; i < n && p->have < sizeof p->request; ++i) {
        p->request[p->have++] = (unsigned char)in[i];
    }
    if (p->have < sizeof p->request) {
        return true;
    }
    memcpy(&p->left, p->request + 1, 8);
    return send_bulk(p);
}

static _Noreturn void serve(const char *where) {
    struct sockaddr_in a = address_of(where);
    if (strchr(where, ':') == NULL) {
        a.sin_addr.s_addr = INADDR_ANY;
    }
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    const int on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&a, sizeof a) != 0 || listen(listener, 4096) != 0) {
        die(where);
    }
    watch(listener, EPOLLIN, NULL, EPOLL_CTL_ADD);
    for (;;) {
        struct epoll_event events[256];
        const int count = epoll_wait(loop, events, 256, -1);
        for (int i = 0; i < count; ++i) {
            struct peer *p = events[i].data.ptr;
            if (p != NULL) {
                if (!serve_peer(p)) {
                    close(p->fd);
                    free(p);
                }
                continue;
            }
            for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                p = calloc(1, sizeof *p);
                p->fd = fd;
                watch(fd, EPOLLIN, p, EPOLL_CTL_ADD);
            }
        }
    }
}

/* --- load ------------------------------------------------------------------------------------ */

static struct {
    enum { RATE, KEEP, BULK, IDLE } mode;
    struct sockaddr_in to;
    char connect_head[256]; /* empty: no CONNECT */
    int connections;
    uint64_t seconds, bytes;
} load = {.connections = 32, .seconds = 3, .bytes = 1u << 30};

struct client {
    int fd;
    enum { CONNECTING, ASKING, ANSWERED, DONE } state;
    size_t got;
    uint64_t received, began;
    uint32_t tail; /* the last bytes of the answer to CONNECT */
};

static uint64_t exchanges, errors, total_bytes, sample_count, finished;
static uint32_t *samples;
static volatile sig_atomic_t ended; /* by SIGTERM: what was counted until then is printed */

static void note_end(int number) {
    (void)number;
    ended = 1;
}

static void begin(struct client *c) {
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    const int on = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    c->began = now_us();
    c->state = CONNECTING;
    c->got = c->received = c->tail = 0;
    if (c->fd < 0 || (connect(c->fd, (struct sockaddr *)&load.to, sizeof load.to) != 0 &&
                      errno != EINPROGRESS)) {
        die("connect");
    }
    watch(c->fd, EPOLLOUT, c, EPOLL_CTL_ADD);
}

static void ask(struct client *c) {
    ssize_t want = MESSAGE;
    char *message = block;
    char request[9] = "B";
    if (load.mode == BULK) {
        memcpy(request + 1, &load.bytes, 8);
        message = request;
        want = sizeof request;
    }
    c->state = ANSWERED;
    c->got = 0;
    if (load.mode == IDLE) {
        c->state = DONE;
        ++finished;
        return;
    }
    if (send(c->fd, message, (size_t)want, MSG_NOSIGNAL) != want) {
        ++errors;
    }
}

static void end(struct client *c, bool failed) {
    errors += failed;
    close(c->fd);
    if (load.mode == BULK) {
        ++finished;
        c->state = DONE;
    } else {
        begin(c);
    }
}

static void exchange_done(struct client *c) {
    const uint64_t now = now_us();
    ++exchanges;
    if (sample_count < SAMPLES) {
        samples[sample_count++] = (uint32_t)(now - c->began);
    }
    if (load.mode == RATE) {
        end(c, false);
    } else {
        c->began = now;
        ask(c);
    }
}

static void step(struct client *c) {
    static char in[CHUNK];
    if (c->state == CONNECTING) {
        int problem = 0;
        socklen_t size = sizeof problem;
        getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &problem, &size);
        if (problem != 0) {
            end(c, true);
            return;
        }
        watch(c->fd, EPOLLIN, c, EPOLL_CTL_MOD);
        if (load.connect_head[0] == 0) {
            ask(c);
            return;
        }
        c->state = ASKING;
        send(c->fd, load.connect_head, strlen(load.connect_head), MSG_NOSIGNAL);
        return;
    }
    if (c->state == ASKING) {
        const ssize_t n = recv(c->fd, in, sizeof in, 0);
        for (ssize_t i = 0; i < n; ++i) {
            c->tail = c->tail << 8 | (unsigned char)in[i];
        }
        if (n <= 0) {
            end(c, true);
        } else if (c->tail == 0x0d0a0d0a) {
            ask(c);
        }
        return;
    }
    const ssize_t n = recv(c->fd, in, sizeof in, load.mode == BULK ? MSG_TRUNC : 0);
    if (n <= 0) {
        if (n < 0 && errno == EAGAIN) {
            return;
        }
        end(c, load.mode != BULK || c->received != load.bytes);
        return;
    }
    c->received += (uint64_t)n;
    total_bytes += (uint64_t)n;
    c->got += (size_t)n;
    if (load.mode != BULK && c->got >= MESSAGE) {
        exchange_done(c);
    }
}

static int compare(const void *a, const void *b) {
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static int run_load(void) {
    samples = malloc(sizeof *samples * SAMPLES);
    struct client *clients = calloc((size_t)load.connections, sizeof *clients);
    const uint64_t start = now_us();
    const uint64_t stop = start + load.seconds * 1000000;
    for (int i = 0; i < load.connections; ++i) {
        begin(&clients[i]);
    }
    signal(SIGTERM, note_end);
    while (!ended && (load.mode == BULK || now_us() < stop) &&
           !(load.mode == BULK && finished == (uint64_t)load.connections)) {
        struct epoll_event events[256];
        const int count = epoll_wait(loop, events, 256, 100);
        for (int i = 0; i < count; ++i) {
            struct client *c = events[i].data.ptr;
            if (c->state != DONE) {
                step(c);
            }
        }
    }
    const uint64_t passed = now_us() - start;
    qsort(samples, sample_count, sizeof *samples, compare);
    printf("RESULT %llu %llu %u %u %llu %llu\n", (unsigned long long)exchanges,
           (unsigned long long)errors, sample_count ? samples[sample_count / 2] : 0,
           sample_count ? samples[sample_count * 99 / 100] : 0, (unsigned long long)passed,
           (unsigned long long)total_bytes);
    if (load.mode == IDLE) {
        printf("IDLE %llu of %d\n", (unsigned long long)finished, load.connections);
        fflush(stdout);
        pause();
    }
    free(clients);
    return errors != 0;
}

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN);
    loop = epoll_create1(EPOLL_CLOEXEC);
    memset(block, 'x', sizeof block);
    if (argc == 3 && strcmp(argv[1], "serve") == 0) {
        serve(argv[2]);
    }
    static const char *const modes[] = {"rate", "keep", "bulk", "idle"};
    int mode = 0;
    while (argc >= 3 && mode < 4 && strcmp(argv[1], modes[mode]) != 0) {
        ++mode;
    }
    if (argc < 3 || mode == 4) {
        fprintf(stderr, "usage: see the head of tcp_load.c\n");
        return 2;
    }
    load.mode = (int)mode;
    load.to = address_of(argv[2]);
    for (int i = 3; i < argc; ++i) {
        char *value = strchr(argv[i], '=');
        value = value ? value + 1 : argv[i];
        if (strncmp(argv[i], "connections=", 12) == 0) {
            load.connections = atoi(value);
        } else if (strncmp(argv[i], "seconds=", 8) == 0) {
            load.seconds = strtoull(value, NULL, 10);
        } else if (strncmp(argv[i], "bytes=", 6) == 0) {
            load.bytes = strtoull(value, NULL, 10);
        } else if (strncmp(argv[i], "connect=", 8) == 0) {
            snprintf(load.connect_head, sizeof load.connect_head,
                     "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", value, value);
        } else {
            fprintf(stderr, "tcp_load: what is %s?\n", argv[i]);
            return 2;
        }
    }
    return run_load();
}
