// SPDX-License-Identifier: MIT
#include "services/stdio.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <windows.h>

#include "util/windows/wide.hpp"

namespace k2s::core {

namespace {

constexpr uint64_t k_most = 1U << 30;

HANDLE stream_handle(uint32_t stream) noexcept {
    constexpr std::array k_ids{STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE};
    if (stream >= k_ids.size()) {
        return nullptr;
    }
    const HANDLE handle = ::GetStdHandle(k_ids[stream]);
    return handle == INVALID_HANDLE_VALUE ? nullptr : handle;
}

bool is_console(HANDLE handle) noexcept {
    DWORD mode = 0;
    return ::GetConsoleMode(handle, &mode) != 0;
}

/// Waits until an anonymous or named pipe has data or is at its end. A synchronous pipe cannot be
/// waited for, so it is looked at, at first often. False when cancelled.
bool wait_for_pipe(HANDLE pipe, HANDLE cancelled) noexcept {
    for (DWORD pause = 1;; pause = std::min<DWORD>(pause * 2, 16)) {
        DWORD available = 0;
        if (::PeekNamedPipe(pipe, nullptr, 0, nullptr, &available, nullptr) == 0 ||
            available != 0) {
            return true; // an error shows at the read
        }
        if (::WaitForSingleObject(cancelled, pause) == WAIT_OBJECT_0) {
            return false;
        }
    }
}

int64_t read_bytes(HANDLE input, uint8_t *buffer, uint64_t size) noexcept {
    DWORD got = 0;
    if (::ReadFile(input, buffer, static_cast<DWORD>(std::min(size, k_most)), &got, nullptr) != 0) {
        return got;
    }
    switch (::GetLastError()) {
    case ERROR_BROKEN_PIPE: // the writer is gone
    case ERROR_HANDLE_EOF:
    case ERROR_INVALID_HANDLE: // started with standard input closed
        return 0;
    case ERROR_OPERATION_ABORTED:
        return K2S_E_CANCELLED;
    default:
        return K2S_E_IO;
    }
}

} // namespace

int64_t Stdio::read(uint8_t *buffer, uint64_t size) {
    const auto event = cancellation_.native_handle();
    if (!event) {
        return K2S_E_IO;
    }
    if (cancellation_.requested()) {
        return K2S_E_CANCELLED;
    }
    const HANDLE input = stream_handle(K2S_STREAM_IN);
    if (size == 0 || input == nullptr) {
        return 0;
    }
    if (is_console(input)) {
        return read_console(input, *event, buffer, size);
    }
    for (;;) {
        const bool pipe = ::GetFileType(input) == FILE_TYPE_PIPE;
        if (pipe && !wait_for_pipe(input, *event)) {
            return K2S_E_CANCELLED;
        }
        const int64_t got = read_bytes(input, buffer, size);
        DWORD available = 0;
        if (got != 0 || !pipe ||
            ::PeekNamedPipe(input, nullptr, 0, nullptr, &available, nullptr) == 0) {
            return got;
        }
        // Somebody wrote zero bytes into the pipe, which is not its end.
    }
}

int64_t Stdio::read_console(void *input, void *cancelled, uint8_t *buffer, uint64_t size) {
    while (typed_.empty()) {
        const std::array<HANDLE, 2> wait{cancelled, input};
        if (::WaitForMultipleObjects(2, wait.data(), FALSE, INFINITE) == WAIT_OBJECT_0) {
            return K2S_E_CANCELLED;
        }
        // Ctrl-C ends a line that is being typed, with no error on some versions.
        std::array<wchar_t, 1024> line;
        DWORD got = 0;
        if (::ReadConsoleW(input, line.data(), static_cast<DWORD>(line.size()), &got, nullptr) ==
            0) {
            return ::GetLastError() == ERROR_OPERATION_ABORTED ? K2S_E_CANCELLED : K2S_E_IO;
        }
        if (cancellation_.requested()) {
            return K2S_E_CANCELLED;
        }
        if (got == 0) {
            continue;
        }
        if (line[0] == L'\x1a') {
            return 0; // Ctrl-Z at the start of a line is the end of input
        }
        std::wstring text(line.data(), got);
        if (high_ != 0) {
            text.insert(text.begin(), std::exchange(high_, L'\0'));
        }
        if (IS_HIGH_SURROGATE(text.back())) {
            high_ = text.back();
            text.pop_back();
        }
        typed_ = from_wide(text);
    }
    const std::size_t count = std::min<uint64_t>(size, typed_.size());
    typed_.copy(reinterpret_cast<char *>(buffer), count);
    typed_.erase(0, count);
    return static_cast<int64_t>(count);
}

uint32_t Stdio::columns(uint32_t stream) noexcept {
    const HANDLE handle = stream_handle(stream);
    if (handle == nullptr || !is_console(handle)) {
        return 0;
    }
    CONSOLE_SCREEN_BUFFER_INFO info{};
    if (::GetConsoleScreenBufferInfo(handle, &info) == 0) {
        return 80; // the input side of a console has no width of its own
    }
    return static_cast<uint32_t>(info.srWindow.Right - info.srWindow.Left + 1);
}

bool Stdio::escapes(uint32_t stream) noexcept {
    const HANDLE handle = stream_handle(stream);
    DWORD mode = 0;
    if (handle == nullptr || ::GetConsoleMode(handle, &mode) == 0) {
        return false;
    }
    return (mode & ENABLE_VIRTUAL_TERMINAL_PROCESSING) != 0 ||
           ::SetConsoleMode(handle, mode | ENABLE_VIRTUAL_TERMINAL_PROCESSING) != 0;
}

std::optional<std::string> Stdio::environment(std::string_view name) {
    const std::wstring wide = to_wide(name);
    std::wstring value(256, L'\0');
    for (;;) {
        ::SetLastError(ERROR_SUCCESS);
        const DWORD length =
            ::GetEnvironmentVariableW(wide.c_str(), value.data(), static_cast<DWORD>(value.size()));
        if (length == 0 && ::GetLastError() != ERROR_SUCCESS) {
            return std::nullopt;
        }
        if (length < value.size()) {
            value.resize(length);
            return from_wide(value);
        }
        value.resize(length + 1); // another thread may make it longer still: hence the loop
    }
}

void write_standard_error(std::string_view text) noexcept {
    const HANDLE handle = stream_handle(K2S_STREAM_ERR);
    if (handle == nullptr) {
        return;
    }
    try {
        DWORD written = 0;
        if (is_console(handle)) {
            const std::wstring wide = to_wide(text);
            ::WriteConsoleW(handle, wide.data(), static_cast<DWORD>(wide.size()), &written,
                            nullptr);
        } else {
            ::WriteFile(handle, text.data(), static_cast<DWORD>(text.size()), &written, nullptr);
        }
    } catch (...) {
        // A bar that cannot be drawn is left out.
    }
}

} // namespace k2s::core
