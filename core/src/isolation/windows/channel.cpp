// SPDX-License-Identifier: MIT
#include "isolation/channel.hpp"

#include <atomic>
#include <mutex>

#include "isolation/frame_buffer.hpp"
#include "process/windows/handle.hpp"
#include "util/windows/wide.hpp"

namespace k2s::core::isolation {

namespace {

constexpr DWORD k_pipe_buffer = 512 * 1024;

Handle new_event() {
    return Handle(::CreateEventW(nullptr, TRUE, FALSE, nullptr));
}

} // namespace

// Both ends are overlapped: a pipe of the ordinary kind serves one operation at a time, so a reader
// that waits would keep every writer waiting.
struct Channel::Impl {
    Handle end;
    Handle sent = new_event();
    Handle received = new_event();
    Handle closed = new_event();
    FrameBuffer buffer;
    std::timed_mutex sending;
    std::string going; ///< the frame under way; the system reads it while `pending`
    OVERLAPPED write{};
    bool pending = false;

    ~Impl() {
        if (pending) {
            finish(write, 0);
        }
    }

    static bool started(BOOL done) { return done != FALSE || ::GetLastError() == ERROR_IO_PENDING; }

    /// The bytes that an operation moved, 0 at the end of the line or of the patience.
    DWORD finish(OVERLAPPED &operation, DWORD limit_ms) {
        const HANDLE events[] = {operation.hEvent, closed.get()};
        DWORD moved = 0;
        if (::WaitForMultipleObjects(2, events, FALSE, limit_ms) != WAIT_OBJECT_0) {
            ::CancelIoEx(end.get(), &operation);
        }
        // The system owns the buffer until the operation is over, in whatever way.
        return ::GetOverlappedResult(end.get(), &operation, &moved, TRUE) != FALSE ? moved : 0;
    }

    bool begin(Kind kind, uint32_t id, std::string_view body) {
        const FrameHeader header{static_cast<uint32_t>(body.size()), static_cast<uint16_t>(kind), 0,
                                 id};
        going.assign(reinterpret_cast<const char *>(&header), sizeof header);
        going += body;
        write = {};
        write.hEvent = sent.get();
        pending = started(::WriteFile(end.get(), going.data(), static_cast<DWORD>(going.size()),
                                      nullptr, &write));
        return pending || end_line();
    }

    /// Waits until the frame under way, if there is one, is with the system.
    bool settle() {
        constexpr auto k_limit = std::chrono::duration_cast<std::chrono::milliseconds>(k_patience);
        if (!pending) {
            return true;
        }
        const DWORD moved = finish(write, static_cast<DWORD>(k_limit.count()));
        pending = false;
        return moved == going.size() || end_line();
    }

    /// Whether the last offer has not found room in the pipe yet.
    bool waits() const { return pending && ::WaitForSingleObject(sent.get(), 0) != WAIT_OBJECT_0; }

    bool end_line() {
        ::SetEvent(closed.get());
        return false;
    }

    bool is_closed() const { return ::WaitForSingleObject(closed.get(), 0) == WAIT_OBJECT_0; }
};

Channel::Channel(Native end) : impl_(std::make_unique<Impl>()) {
    impl_->end = Handle(end);
}

Channel::~Channel() = default;

Result<Channel::Pair> Channel::make() {
    static std::atomic<unsigned> counter{0};
    const auto name = to_wide(fmt::format(R"(\\.\pipe\k2s-worker-{}-{}-{:x})",
                                          ::GetCurrentProcessId(), ++counter, ::GetTickCount64()));
    // FIRST_PIPE_INSTANCE and one instance: nobody else can be at either side of this name.
    Handle here(::CreateNamedPipeW(
        name.c_str(), PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED | FILE_FLAG_FIRST_PIPE_INSTANCE,
        PIPE_TYPE_BYTE | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS, 1, k_pipe_buffer, k_pipe_buffer, 0,
        nullptr));
    Handle there;
    if (here.valid()) {
        there = Handle(::CreateFileW(name.c_str(), GENERIC_READ | GENERIC_WRITE, 0, nullptr,
                                     OPEN_EXISTING, FILE_FLAG_OVERLAPPED, nullptr));
    }
    if (!there.valid()) {
        return fail(K2S_E_FAILED, "cannot make a line to a worker: {}",
                    windows_error(::GetLastError()));
    }
    return Pair{std::make_unique<Channel>(here.release()),
                std::make_unique<Channel>(there.release())};
}

Channel::Native Channel::native() const noexcept {
    return impl_->end.get();
}

bool Channel::send(Kind kind, uint32_t id, std::string_view body) {
    const std::lock_guard alone(impl_->sending);
    return !impl_->is_closed() && impl_->settle() && impl_->begin(kind, id, body) &&
           impl_->settle();
}

bool Channel::offer(Kind kind, uint32_t id, std::string_view body) {
    const std::unique_lock alone(impl_->sending, k_offer_wait);
    // A pipe does not say how much room it has, and a write that is taken back may have been read
    // in part: so the frame stays under way, and only the next one finds that there is no room.
    return alone && !impl_->is_closed() && !impl_->waits() && impl_->settle() &&
           impl_->begin(kind, id, body);
}

bool Channel::receive(Frame &frame) {
    while (!impl_->buffer.next(frame)) {
        if (impl_->buffer.broken() || impl_->is_closed()) {
            return false;
        }
        const auto room = impl_->buffer.room();
        OVERLAPPED overlapped{};
        overlapped.hEvent = impl_->received.get();
        const bool started = Impl::started(::ReadFile(
            impl_->end.get(), room.data, static_cast<DWORD>(room.size), nullptr, &overlapped));
        const DWORD size = started ? impl_->finish(overlapped, INFINITE) : 0;
        if (size == 0) {
            return false;
        }
        impl_->buffer.filled(size);
    }
    return true;
}

void Channel::close() noexcept {
    ::SetEvent(impl_->closed.get());
    // The other side reads the end only when the pipe is really broken.
    ::DisconnectNamedPipe(impl_->end.get());
}

} // namespace k2s::core::isolation
