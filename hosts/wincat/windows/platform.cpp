// SPDX-License-Identifier: MIT
#include "../platform.hpp"

#include <windows.h>
#include <mswsock.h>
#include <stdlib.h>
#include <string.h>

namespace k2s::wincat {
namespace {

HANDLE g_wake = nullptr;

Moved moved(int bytes) {
    return bytes < 0 ? Moved{-1, WSAGetLastError()} : Moved{bytes, 0};
}

struct Start {
    void (*body)(void *);
    void *context;
};

DWORD WINAPI thread_main(void *start) {
    const Start copy = *static_cast<Start *>(start);
    free(start);
    copy.body(copy.context);
    return 0;
}

} // namespace

bool start_network(int &error) {
    WSADATA data;
    error = WSAStartup(MAKEWORD(2, 2), &data);
    g_wake = CreateEventW(nullptr, FALSE, FALSE, nullptr);
    return error == 0 && g_wake != nullptr;
}

uint64_t now_ms() {
    return GetTickCount64();
}

void error_text(int error, char *text, size_t size) {
    DWORD length =
        FormatMessageA(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, nullptr,
                       static_cast<DWORD>(error), 0, text, static_cast<DWORD>(size), nullptr);
    while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == '\r' ||
                          text[length - 1] == '.' || text[length - 1] == ' ')) {
        --length;
    }
    text[length] = '\0';
    if (length == 0) {
        strncpy(text, "unknown Windows error", size - 1);
        text[size - 1] = '\0';
    }
}

const char *resolver_text(int error) {
    return gai_strerrorA(error);
}

Socket open_socket(const addrinfo &address, int &error) {
    const SOCKET made = WSASocketW(address.ai_family, address.ai_socktype, address.ai_protocol,
                                   nullptr, 0, WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
    error = WSAGetLastError();
    return static_cast<Socket>(made);
}

int connect_to(Socket socket, const addrinfo &address, uint64_t timeout_ms, bool &timed_out) {
    const auto handle = static_cast<SOCKET>(socket);
    u_long nonblocking = 1;
    ioctlsocket(handle, FIONBIO, &nonblocking);
    if (connect(handle, address.ai_addr, static_cast<int>(address.ai_addrlen)) != 0) {
        if (const int error = WSAGetLastError(); error != WSAEWOULDBLOCK) {
            return error;
        }
        fd_set done{1, {handle}};
        fd_set failed{1, {handle}}; // a refused connection shows up here alone
        timeval limit{static_cast<long>(timeout_ms / 1000),
                      static_cast<long>(timeout_ms % 1000 * 1000)};
        const int result = select(0, nullptr, &done, &failed, timeout_ms == 0 ? nullptr : &limit);
        timed_out = result == 0;
        int error = WSAETIMEDOUT;
        int size = sizeof(error);
        if (result < 1 ||
            getsockopt(handle, SOL_SOCKET, SO_ERROR, reinterpret_cast<char *>(&error), &size) !=
                0 ||
            error != 0) {
            return error;
        }
    }
    nonblocking = 0;
    ioctlsocket(handle, FIONBIO, &nonblocking);
    return 0;
}

void close_socket(Socket socket) {
    closesocket(static_cast<SOCKET>(socket));
}

void end_sending(Socket socket) {
    shutdown(static_cast<SOCKET>(socket), SD_SEND);
}

Moved receive(Socket socket, char *data, size_t size) {
    return moved(recv(static_cast<SOCKET>(socket), data, static_cast<int>(size), 0));
}

Moved send_some(Socket socket, const char *data, size_t size) {
    return moved(send(static_cast<SOCKET>(socket), data, static_cast<int>(size), 0));
}

Moved read_input(char *data, size_t size) {
    DWORD got = 0;
    if (!ReadFile(GetStdHandle(STD_INPUT_HANDLE), data, static_cast<DWORD>(size), &got, nullptr)) {
        const DWORD error = GetLastError();
        return error == ERROR_BROKEN_PIPE || error == ERROR_HANDLE_EOF
                   ? Moved{}
                   : Moved{-1, static_cast<int>(error)};
    }
    return {got, 0};
}

Moved write_output(const char *data, size_t size) {
    DWORD done = 0;
    return WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), data, static_cast<DWORD>(size), &done,
                     nullptr)
               ? Moved{done, 0}
               : Moved{-1, static_cast<int>(GetLastError())};
}

void close_output() {
    CloseHandle(GetStdHandle(STD_OUTPUT_HANDLE));
}

bool start_thread(void (*body)(void *), void *context) {
    auto *start = static_cast<Start *>(malloc(sizeof(Start)));
    if (start == nullptr) {
        return false;
    }
    *start = {body, context};
    HANDLE thread = CreateThread(nullptr, 0, thread_main, start, 0, nullptr);
    if (thread == nullptr) {
        free(start);
        return false;
    }
    CloseHandle(thread);
    return true;
}

void wake() {
    SetEvent(g_wake);
}

void wait_for_wake(uint64_t timeout_ms) {
    WaitForSingleObject(g_wake, timeout_ms == 0 ? INFINITE : static_cast<DWORD>(timeout_ms));
}

void end_process(int code) {
    ExitProcess(static_cast<UINT>(code));
}

} // namespace k2s::wincat
