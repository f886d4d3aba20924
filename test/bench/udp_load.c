/* SPDX-License-Identifier: MIT */
/* Load and origin for UDP proxies in one thread, so that both have one core.
 *   udp_load PROXY_PORT ORIGIN_PORT SIZE FLOWS SECONDS WINDOW [plain|gro|counted [joined]]
 * WINDOW 0: sends as fast as it can and counts what arrives at the origin. Otherwise the origin
 * echoes, each flow has WINDOW datagrams on their way, and answers are counted; what is lost is
 * sent again after 50 ms without any answer. With "gro" the origin of WINDOW 0 takes datagrams that
 * the kernel has joined, as servers for QUIC do; with "counted" nobody reads them: its socket is
 * full, and the kernel counts what it had to drop there. Then the core only sends. With "joined"
 * the datagrams of a flow are handed to the kernel as one (UDP_SEGMENT), as QUIC's senders do.
 * Prints: datagrams per second that arrived, and datagrams per second that were sent. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, ROOM = 2048, JOINED = 65536, MOST_JOINED = 65000 };
enum { UDP_SEGMENT_OPTION = 103, UDP_GRO_OPTION = 104 };
enum { SO_MEMINFO_OPTION = 55, DROPS = 8, MEMINFO_VALUES = 9 };

static char memory[BATCH][ROOM];
static int joins; /* what is sent */
static struct iovec parts[BATCH];
static struct mmsghdr messages[BATCH];
static struct sockaddr_in froms[BATCH];

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int make_socket(void) {
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    const int room = 4 << 20;
    if (fd < 0) {
        fail("socket");
    }
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) != 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    }
    return fd;
}

static struct sockaddr_in loopback(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static void prepare(size_t size, int with_names) {
    for (int i = 0; i < BATCH; ++i) {
        parts[i] = (struct iovec){memory[i], size};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
        if (with_names) {
            messages[i].msg_hdr.msg_name = &froms[i];
            messages[i].msg_hdr.msg_namelen = sizeof froms[i];
        }
    }
}

static int receive(int fd, int with_names) {
    prepare(ROOM, with_names);
    const int got = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
    return got > 0 ? got : 0;
}

/* Joined datagrams, counted one by one. */
static int receive_joined(int fd) {
    static char joined[BATCH][JOINED];
    static char control[BATCH][CMSG_SPACE(sizeof(int))];
    int count = 0;
    for (int i = 0; i < BATCH; ++i) {
        parts[i] = (struct iovec){joined[i], JOINED};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i],
                                              .msg_iovlen = 1,
                                              .msg_control = control[i],
                                              .msg_controllen = sizeof control[i]};
    }
    const int got = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < got; ++i) {
        const struct cmsghdr *c = CMSG_FIRSTHDR(&messages[i].msg_hdr);
        int size = 0;
        if (c != NULL && c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO_OPTION) {
            memcpy(&size, CMSG_DATA(c), sizeof size);
        }
        count += size > 0 ? ((int)messages[i].msg_len + size - 1) / size : 1;
    }
    return count;
}

/* Datagrams that a full socket did not take. */
static unsigned dropped(int fd) {
    unsigned values[MEMINFO_VALUES];
    socklen_t size = sizeof values;
    if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO_OPTION, values, &size) != 0) {
        fail("SO_MEMINFO");
    }
    return values[DROPS];
}

static int send_some(int fd, size_t size, int count) {
    if (joins) {
        const int most = (int)(MOST_JOINED / size);
        const int once = count < most ? count : most;
        return send(fd, memory, size * (size_t)once, MSG_DONTWAIT) > 0 ? once : 0;
    }
    prepare(size, 0);
    const int sent = sendmmsg(fd, messages, (unsigned)count, MSG_DONTWAIT);
    return sent > 0 ? sent : 0;
}

/* What has come goes back. */
static void echo(int fd) {
    for (;;) {
        const int got = receive(fd, 1);
        if (got == 0) {
            return;
        }
        for (int i = 0; i < got; ++i) {
            parts[i].iov_len = messages[i].msg_len;
        }
        sendmmsg(fd, messages, (unsigned)got, MSG_DONTWAIT);
    }
}

int main(int argc, char **argv) {
    if (argc < 7) {
        fprintf(stderr,
                "usage: %s PROXY_PORT ORIGIN_PORT SIZE FLOWS SECONDS WINDOW "
                "[plain|gro|counted [joined]]\n",
                argv[0]);
        return 2;
    }
    const struct sockaddr_in proxy = loopback(atoi(argv[1]));
    const struct sockaddr_in origin = loopback(atoi(argv[2]));
    const size_t size = (size_t)atoi(argv[3]);
    const int flows = atoi(argv[4]);
    const double seconds = atof(argv[5]);
    const int window = atoi(argv[6]);
    if (size > ROOM || flows < 1 || window > BATCH) {
        fprintf(stderr, "SIZE is at most %d, WINDOW at most %d\n", ROOM, BATCH);
        return 2;
    }
    const int server = make_socket();
    if (bind(server, (const struct sockaddr *)&origin, sizeof origin) != 0) {
        fail("bind");
    }
    const char *way = argc > 7 && window == 0 ? argv[7] : "";
    const int joined = strcmp(way, "gro") == 0;
    const int counted = strcmp(way, "counted") == 0;
    joins = argc > 8 && strcmp(argv[8], "joined") == 0;
    const int segment = (int)size;
    const int least = 1;
    if (counted && setsockopt(server, SOL_SOCKET, SO_RCVBUF, &least, sizeof least) != 0) {
        fail("SO_RCVBUF");
    }
    if (joined && setsockopt(server, IPPROTO_UDP, UDP_GRO_OPTION, &joined, sizeof joined) != 0) {
        fail("UDP_GRO");
    }
    int *clients = calloc((size_t)flows, sizeof *clients);
    for (int i = 0; i < flows; ++i) {
        clients[i] = make_socket();
        if (connect(clients[i], (const struct sockaddr *)&proxy, sizeof proxy) != 0) {
            fail("connect");
        }
        if (joins && setsockopt(clients[i], IPPROTO_UDP, UDP_SEGMENT_OPTION, &segment,
                                sizeof segment) != 0) {
            fail("UDP_SEGMENT");
        }
    }
    long long arrived = 0;
    long long sent = 0;
    const double begin = now();
    const double end = begin + seconds;
    double last = begin;
    if (window != 0) {
        for (int i = 0; i < flows; ++i) {
            sent += send_some(clients[i], size, window);
        }
    }
    while (now() < end) {
        if (window == 0) {
            for (int i = 0; i < flows; ++i) {
                sent += send_some(clients[i], size, flows >= BATCH ? 1 : BATCH / flows);
            }
            for (int got = !counted; got != 0;) {
                got = joined ? receive_joined(server) : receive(server, 0);
                arrived += got;
            }
            continue;
        }
        echo(server);
        int any = 0;
        for (int i = 0; i < flows; ++i) {
            const int got = receive(clients[i], 0);
            if (got != 0) {
                any += got;
                sent += send_some(clients[i], size, got);
            }
        }
        arrived += any;
        if (any != 0) {
            last = now();
        } else if (now() - last > 0.05) {
            for (int i = 0; i < flows; ++i) {
                sent += send_some(clients[i], size, window);
            }
            last = now();
        }
    }
    const double took = now() - begin;
    if (counted) {
        arrived = dropped(server);
    }
    printf("%.0f %.0f\n", (double)arrived / took, (double)sent / took);
    return 0;
}
