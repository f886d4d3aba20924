// SPDX-License-Identifier: MIT
/// \file
/// What the two systems do differently. Errors are the system's numbers; error_text() explains
/// them.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef _WIN32
#include <winsock2.h>

#include <ws2tcpip.h>
#else
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#endif

namespace k2s::wincat {

#ifdef _WIN32
using NativeSocket = SOCKET;
#else
using NativeSocket = int;
#endif
using Socket = intptr_t; ///< -1: none

/// Result of a transfer: bytes, 0 at the end of the stream, or -1 with `error` set.
struct Moved {
    int64_t bytes = 0;
    int error = 0;
};

bool start_network(int &error);
uint64_t now_ms();
void error_text(int error, char *text, size_t size);
const char *resolver_text(int error); ///< of getaddrinfo()

/// Connects within `timeout_ms` (0: the system's time). 0 or the error; `timed_out` tells that ours
/// ran out.
int connect_to(Socket socket, const addrinfo &address, uint64_t timeout_ms, bool &timed_out);
Socket open_socket(const addrinfo &address, int &error);
void close_socket(Socket socket);
void end_sending(Socket socket);
Moved receive(Socket socket, char *data, size_t size);
Moved send_some(Socket socket, const char *data, size_t size);

Moved read_input(char *data, size_t size);
Moved write_output(const char *data, size_t size);
void close_output();

/// False: no thread could be made.
bool start_thread(void (*body)(void *), void *context);

/// Wakes the one thread that waits. Callable from any thread.
void wake();
/// Until wake() or, unless it is 0, the time has passed.
void wait_for_wake(uint64_t timeout_ms);

/// Ends the process at once: a thread may be blocked in a read that nothing interrupts.
[[noreturn]] void end_process(int code);

} // namespace k2s::wincat
