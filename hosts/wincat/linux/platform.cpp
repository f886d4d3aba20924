// SPDX-License-Identifier: MIT
#include "../platform.hpp"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

namespace k2s::wincat {
namespace {

int g_wake = -1;

Moved moved(ssize_t bytes) {
    return bytes < 0 ? Moved{-1, errno} : Moved{bytes, 0};
}

int timeout_of(uint64_t ms) {
    return ms == 0 ? -1 : static_cast<int>(ms); // callers bound it to 2^31
}

struct Start {
    void (*body)(void *);
    void *context;
};

void *thread_main(void *start) {
    const Start copy = *static_cast<Start *>(start);
    free(start);
    copy.body(copy.context);
    return nullptr;
}

} // namespace

bool start_network(int &error) {
    signal(SIGPIPE, SIG_IGN); // an error of write() says the same with a reason
    g_wake = eventfd(0, EFD_CLOEXEC);
    error = errno;
    return g_wake >= 0;
}

uint64_t now_ms() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1000 +
           static_cast<uint64_t>(now.tv_nsec) / 1'000'000;
}

void error_text(int error, char *text, size_t size) {
    strncpy(text, strerror(error), size - 1);
    text[size - 1] = '\0';
}

const char *resolver_text(int error) {
    return gai_strerror(error);
}

Socket open_socket(const addrinfo &address, int &error) {
    const int made =
        socket(address.ai_family, address.ai_socktype | SOCK_CLOEXEC, address.ai_protocol);
    error = errno;
    return made;
}

int connect_to(Socket socket, const addrinfo &address, uint64_t timeout_ms, bool &timed_out) {
    const int fd = static_cast<int>(socket);
    const int flags = fcntl(fd, F_GETFL);
    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    if (connect(fd, address.ai_addr, address.ai_addrlen) != 0) {
        if (errno != EINPROGRESS) {
            return errno;
        }
        pollfd ready{fd, POLLOUT, 0};
        int result = 0;
        do {
            result = poll(&ready, 1, timeout_of(timeout_ms));
        } while (result < 0 && errno == EINTR);
        timed_out = result == 0;
        int error = ETIMEDOUT;
        socklen_t size = sizeof(error);
        if (result != 1 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) {
            return error;
        }
    }
    fcntl(fd, F_SETFL, flags);
    return 0;
}

void close_socket(Socket socket) {
    close(static_cast<int>(socket));
}

void end_sending(Socket socket) {
    shutdown(static_cast<int>(socket), SHUT_WR);
}

Moved receive(Socket socket, char *data, size_t size) {
    return moved(TEMP_FAILURE_RETRY(recv(static_cast<int>(socket), data, size, 0)));
}

Moved send_some(Socket socket, const char *data, size_t size) {
    return moved(TEMP_FAILURE_RETRY(send(static_cast<int>(socket), data, size, MSG_NOSIGNAL)));
}

Moved read_input(char *data, size_t size) {
    for (;;) {
        const Moved got = moved(TEMP_FAILURE_RETRY(read(STDIN_FILENO, data, size)));
        if (got.error != EAGAIN) {
            return got;
        }
        pollfd ready{STDIN_FILENO, POLLIN, 0}; // somebody else made the pipe non-blocking
        poll(&ready, 1, -1);
    }
}

Moved write_output(const char *data, size_t size) {
    for (;;) {
        const Moved done = moved(TEMP_FAILURE_RETRY(write(STDOUT_FILENO, data, size)));
        if (done.error != EAGAIN) {
            return done;
        }
        pollfd ready{STDOUT_FILENO, POLLOUT, 0};
        poll(&ready, 1, -1);
    }
}

void close_output() {
    close(STDOUT_FILENO);
}

bool start_thread(void (*body)(void *), void *context) {
    auto *start = static_cast<Start *>(malloc(sizeof(Start)));
    if (start == nullptr) {
        return false;
    }
    *start = {body, context};
    pthread_t thread;
    if (pthread_create(&thread, nullptr, thread_main, start) != 0) {
        free(start);
        return false;
    }
    return true;
}

void wake() {
    const uint64_t one = 1;
    // It fails only with 2^64 - 2 wake-ups pending.
    [[maybe_unused]] const ssize_t done = write(g_wake, &one, sizeof(one));
}

void wait_for_wake(uint64_t timeout_ms) {
    pollfd ready{g_wake, POLLIN, 0};
    if (poll(&ready, 1, timeout_of(timeout_ms)) == 1) {
        uint64_t count = 0;
        [[maybe_unused]] const ssize_t done = read(g_wake, &count, sizeof(count));
    }
}

void end_process(int code) {
    _exit(code);
}

} // namespace k2s::wincat
