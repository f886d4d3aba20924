// SPDX-License-Identifier: MIT
#include <atomic>
#include <stdio.h>
#include <string.h>

#include "relay.hpp"

namespace k2s::wincat {
namespace {

void set_options(Socket socket, bool udp) {
    if (udp) {
        return;
    }
    // A forwarded connection may be idle for days: notice when its other end is gone; and it
    // carries what somebody types, so no byte waits for the next.
    const int on = 1;
    const auto *value = reinterpret_cast<const char *>(&on);
    const auto handle = static_cast<NativeSocket>(socket);
    setsockopt(handle, SOL_SOCKET, SO_KEEPALIVE, value, sizeof(on));
    setsockopt(handle, IPPROTO_TCP, TCP_NODELAY, value, sizeof(on));
}

/// Static, because the resolver may still run when we give up; so `options` must stay, too.
struct Resolving {
    const char *host = nullptr;
    const char *port = nullptr;
    addrinfo hints{};
    addrinfo *found = nullptr;
    int failed = 0;
    std::atomic<bool> done{false};
} g_resolving;

void resolve(void *context) {
    auto &job = *static_cast<Resolving *>(context);
    job.failed = getaddrinfo(job.host, job.port, &job.hints, &job.found);
    job.done = true;
    wake();
}

} // namespace

Socket dial(const Options &options, Outcome &outcome) {
    const uint64_t deadline = options.connect_ms == 0 ? 0 : now_ms() + options.connect_ms;
    // In a thread: the resolver has no time limit of its own that a caller could set.
    Resolving &job = g_resolving;
    job.host = options.host;
    job.port = options.port;
    job.hints.ai_family = options.family == Family::ipv4   ? AF_INET
                          : options.family == Family::ipv6 ? AF_INET6
                                                           : AF_UNSPEC;
    job.hints.ai_socktype = options.udp ? SOCK_DGRAM : SOCK_STREAM;
    const char *const v6 = strchr(options.host, ':') != nullptr ? "[" : "";
    const char *const v6_end = *v6 != '\0' ? "]" : "";
    if (!start_thread(resolve, &job)) {
        outcome.code = 1;
        snprintf(outcome.message, sizeof(outcome.message), "cannot start a thread");
        return -1;
    }
    wait_for_wake(options.connect_ms);
    if (!job.done) {
        outcome.code = 7;
        snprintf(
            outcome.message, sizeof(outcome.message),
            "cannot resolve '%s' within %llu ms: check the name server, or raise -connect-timeout",
            options.host, static_cast<unsigned long long>(options.connect_ms));
        return -1;
    }
    if (job.failed != 0) {
        outcome.code = 6;
        snprintf(outcome.message, sizeof(outcome.message),
                 "cannot resolve host '%s', port '%s': %s; give a name that resolves or an address",
                 options.host, options.port, resolver_text(job.failed));
        return -1;
    }
    outcome.code = 1;
    for (const addrinfo *address = job.found; address != nullptr; address = address->ai_next) {
        const uint64_t now = now_ms();
        uint64_t left = deadline == 0 ? 0 : deadline > now ? deadline - now : 1;
        if (address->ai_next != nullptr && left > 1) {
            left /= 2; // the next address shall have a chance
        }
        int error = 0;
        bool timed_out = false;
        const Socket socket = open_socket(*address, error);
        if (socket != -1) {
            error = connect_to(socket, *address, left, timed_out);
            if (error == 0) {
                set_options(socket, options.udp);
                freeaddrinfo(job.found);
                return socket;
            }
            close_socket(socket);
        }
        char reason[128];
        error_text(error, reason, sizeof(reason));
        outcome.code = timed_out ? 7 : 1;
        snprintf(outcome.message, sizeof(outcome.message),
                 "cannot connect to %s%s%s:%s: %s; check that something listens there", v6,
                 options.host, v6_end, options.port,
                 timed_out ? "no answer in time (-connect-timeout)" : reason);
    }
    freeaddrinfo(job.found);
    return -1;
}

} // namespace k2s::wincat
