// SPDX-License-Identifier: MIT
#include "process/windows/pipe.hpp"

#include <algorithm>
#include <atomic>

#include "util/windows/wide.hpp"

namespace k2s::core::process {

namespace {

constexpr DWORD k_pipe_buffer = 65536;

// Waits for a cancelled operation, because the system still owns the buffer until then.
void abandon(HANDLE file, OVERLAPPED &overlapped) {
    if (::CancelIoEx(file, &overlapped) != FALSE || ::GetLastError() != ERROR_NOT_FOUND) {
        DWORD moved = 0;
        ::GetOverlappedResult(file, &overlapped, &moved, TRUE);
    }
}

} // namespace

Result<PipePair> make_pipe(Direction direction) {
    static std::atomic<unsigned> counter{0};
    const bool reads = direction == Direction::FromChild;
    const auto name = to_wide(fmt::format(R"(\\.\pipe\k2s-stream-{}-{}-{:x})",
                                          ::GetCurrentProcessId(), ++counter, ::GetTickCount64()));
    PipePair pair;
    // FIRST_PIPE_INSTANCE and one instance: nobody else can be at either side of this name.
    pair.near_side =
        Handle(::CreateNamedPipeW(name.c_str(),
                                  (reads ? PIPE_ACCESS_INBOUND : PIPE_ACCESS_OUTBOUND) |
                                      FILE_FLAG_OVERLAPPED | FILE_FLAG_FIRST_PIPE_INSTANCE,
                                  PIPE_TYPE_BYTE | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS, 1,
                                  k_pipe_buffer, k_pipe_buffer, 0, nullptr));
    if (pair.near_side.valid()) {
        SECURITY_ATTRIBUTES inheritable{sizeof inheritable, nullptr, TRUE};
        pair.far_side = Handle(::CreateFileW(name.c_str(), reads ? GENERIC_WRITE : GENERIC_READ, 0,
                                             &inheritable, OPEN_EXISTING, 0, nullptr));
    }
    if (!pair.far_side.valid()) {
        return fail(K2S_E_FAILED, "cannot make a pipe to a child process: {}",
                    windows_error(::GetLastError()));
    }
    return pair;
}

Reader::Reader(Handle from, const Output &output)
    : from_(std::move(from)), event_(::CreateEventW(nullptr, TRUE, FALSE, nullptr)),
      meter_(output) {}

Reader::~Reader() {
    if (from_.valid()) {
        abandon(from_.get(), overlapped_);
    }
}

void Reader::begin() {
    overlapped_ = {};
    overlapped_.hEvent = event_.get();
    // A read that finishes at once sets the event as well, so finish() handles both.
    if (::ReadFile(from_.get(), buffer_.data(), buffer_.size(), nullptr, &overlapped_) == FALSE &&
        ::GetLastError() != ERROR_IO_PENDING) {
        from_.reset(); // ERROR_BROKEN_PIPE: the last writer is gone
    }
}

bool Reader::finish() {
    DWORD size = 0;
    if (::GetOverlappedResult(from_.get(), &overlapped_, &size, FALSE) == FALSE) {
        if (::GetLastError() != ERROR_IO_INCOMPLETE) {
            from_.reset();
        }
        return true;
    }
    const bool go_on = meter_.take({buffer_.data(), size});
    begin();
    return go_on;
}

Writer::Writer(Handle to, std::string_view text)
    : to_(std::move(to)), event_(::CreateEventW(nullptr, TRUE, FALSE, nullptr)), rest_(text) {}

Writer::~Writer() {
    if (to_.valid()) {
        abandon(to_.get(), overlapped_);
    }
}

void Writer::begin() {
    if (rest_.empty()) {
        to_.reset(); // the child sees the end of its input
        return;
    }
    overlapped_ = {};
    overlapped_.hEvent = event_.get();
    const auto size = static_cast<DWORD>(std::min<std::size_t>(rest_.size(), k_pipe_buffer));
    if (::WriteFile(to_.get(), rest_.data(), size, nullptr, &overlapped_) == FALSE &&
        ::GetLastError() != ERROR_IO_PENDING) {
        to_.reset(); // the child does not want its input; that is its business
    }
}

void Writer::finish() {
    DWORD size = 0;
    if (::GetOverlappedResult(to_.get(), &overlapped_, &size, FALSE) == FALSE) {
        if (::GetLastError() != ERROR_IO_INCOMPLETE) {
            to_.reset();
        }
        return;
    }
    rest_.remove_prefix(std::min<std::size_t>(size, rest_.size()));
    begin();
}

} // namespace k2s::core::process
