/* SPDX-License-Identifier: MIT */
/*
 * Load for TCP relays: a server and a client in one program, one thread each.
 *   tcp_load serve PORT                          answers 1 KB with 1 KB and closes when it begins
 *                                                with "N"; answers "B" with bytes without end
 *   tcp_load new ADDRESS PORT SECONDS CONNS      connect, 1 KB there and back, the server closes
 *   tcp_load kept ADDRESS PORT SECONDS CONNS     1 KB there and back on connections that stay
 *   tcp_load bulk ADDRESS PORT SECONDS CONNS     receives
 *   tcp_load idle ADDRESS PORT SECONDS CONNS     opens connections and leaves them alone
 * Prints: operations, seconds, p50 and p99 in microseconds, bytes, failures.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { k_message = 1024, k_block = 1 << 18, k_events = 256, k_slots = 1 << 20 };

struct conn {
    int fd;
    int sink;     /* a bulk receiver is at the other end */
    size_t got;   /* of the current message */
    uint64_t began;
};

static char block[k_block];
static uint32_t slots[k_slots]; /* latencies in microseconds, as a histogram */
static uint64_t done, bytes, failed;
static int poller;
static struct sockaddr_in server = {.sin_family = AF_INET};

static uint64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void add(struct conn *conn, uint32_t events) {
    struct epoll_event event = {events, {.ptr = conn}};
    epoll_ctl(poller, EPOLL_CTL_ADD, conn->fd, &event);
}

static int serve(int port) {
    const int on = 1;
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct conn self = {.fd = listener};
    struct epoll_event events[k_events];
    server.sin_port = htons((uint16_t)port);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&server, sizeof server) != 0 || listen(listener, 4096)) {
        perror("listen");
        return 1;
    }
    add(&self, EPOLLIN);
    for (;;) {
        const int count = epoll_wait(poller, events, k_events, -1);
        for (int i = 0; i < count; ++i) {
            struct conn *conn = events[i].data.ptr;
            if (conn == &self) {
                int fd;
                while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
                    struct conn *fresh = calloc(1, sizeof *fresh);
                    fresh->fd = fd;
                    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                    add(fresh, EPOLLIN);
                }
                continue;
            }
            ssize_t got = 1;
            if (events[i].events & ~(uint32_t)EPOLLOUT) {
                got = recv(conn->fd, block, k_block, 0);
            }
            if (got > 0 && !conn->sink && block[0] == 'B' && conn->got == 0) {
                struct epoll_event event = {EPOLLIN | EPOLLOUT, {.ptr = conn}};
                conn->sink = 1;
                epoll_ctl(poller, EPOLL_CTL_MOD, conn->fd, &event);
            }
            if (got > 0 && conn->sink) {
                got = send(conn->fd, block, k_block, MSG_NOSIGNAL) < 0 && errno != EAGAIN ? -1 : 1;
            } else if (got > 0) {
                conn->got += (size_t)got;
                if (conn->got >= k_message) {
                    conn->got -= k_message;
                    got = send(conn->fd, block, k_message, MSG_NOSIGNAL);
                    if (block[0] == 'N') {
                        got = 0; /* so that no TIME_WAIT uses up the relay's ports */
                    }
                }
            }
            if (got == 0 || (got < 0 && errno != EAGAIN)) {
                close(conn->fd);
                free(conn);
            }
        }
    }
}

static void dial(struct conn *conn) {
    const int on = 1;
    conn->fd = socket(AF_INET, SOCK_STREAM, 0);
    conn->got = 0;
    conn->began = now_us();
    while (connect(conn->fd, (struct sockaddr *)&server, sizeof server) != 0) {
        if (++failed > 1000) {
            perror("connect");
            exit(1);
        }
        close(conn->fd);
        conn->fd = socket(AF_INET, SOCK_STREAM, 0);
    }
    setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void finish(struct conn *conn) {
    const uint64_t took = now_us() - conn->began;
    ++slots[took < k_slots ? took : k_slots - 1];
    ++done;
    conn->got = 0;
}

static uint64_t percentile(double share) {
    const uint64_t want = (uint64_t)((double)done * share);
    uint64_t seen = 0;
    for (uint64_t i = 0; i < k_slots; ++i) {
        if ((seen += slots[i]) > want) {
            return i;
        }
    }
    return 0;
}

static int load(const char *how, double seconds, int conns) {
    const int fresh = how[0] == 'n', bulk = how[0] == 'b';
    struct conn *all = calloc((size_t)conns, sizeof *all);
    struct epoll_event events[k_events];
    static char message[k_message];
    memset(message, bulk ? 'B' : fresh ? 'N' : 'x', sizeof message);
    for (int i = 0; i < conns; ++i) {
        dial(&all[i]);
        add(&all[i], EPOLLIN);
        if (how[0] == 'i') {
            continue;
        }
        all[i].began = now_us();
        send(all[i].fd, message, bulk ? 1 : k_message, MSG_NOSIGNAL);
    }
    if (how[0] == 'i') {
        puts("open");
        fflush(stdout);
    }
    const uint64_t start = now_us();
    const uint64_t end = start + (uint64_t)(seconds * 1e6);
    while (now_us() < end) {
        const int count = epoll_wait(poller, events, k_events, 100);
        for (int i = 0; i < count; ++i) {
            struct conn *conn = events[i].data.ptr;
            const ssize_t got = recv(conn->fd, block, k_block, MSG_DONTWAIT);
            if (got == 0 && fresh && conn->got == k_message) {
                finish(conn);
                close(conn->fd);
                dial(conn);
                add(conn, EPOLLIN);
                send(conn->fd, message, k_message, MSG_NOSIGNAL);
                continue;
            }
            if (got <= 0) {
                if (got < 0 && errno == EAGAIN) {
                    continue;
                }
                ++failed;
                close(conn->fd);
                if (how[0] == 'i' || failed > 100000) {
                    continue;
                }
                dial(conn);
                add(conn, EPOLLIN);
                send(conn->fd, message, k_message, MSG_NOSIGNAL);
                continue;
            }
            bytes += (uint64_t)got;
            conn->got += (size_t)got;
            if (bulk || fresh || conn->got < k_message) {
                continue;
            }
            finish(conn);
            conn->began = now_us();
            send(conn->fd, message, k_message, MSG_NOSIGNAL);
        }
    }
    printf("%llu %.6f %llu %llu %llu %llu\n", (unsigned long long)done,
           (double)(now_us() - start) / 1e6, (unsigned long long)percentile(0.5),
           (unsigned long long)percentile(0.99), (unsigned long long)bytes,
           (unsigned long long)failed);
    return 0;
}

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN);
    poller = epoll_create1(0);
    if (argc == 3 && strcmp(argv[1], "serve") == 0) {
        return serve(atoi(argv[2]));
    }
    if (argc != 6 || inet_pton(AF_INET, argv[2], &server.sin_addr) != 1) {
        fprintf(stderr, "usage: %s serve PORT | new|kept|bulk|idle ADDRESS PORT SECONDS CONNS\n",
                argv[0]);
        return 2;
    }
    server.sin_port = htons((uint16_t)atoi(argv[3]));
    return load(argv[1], atof(argv[4]), atoi(argv[5]));
}
