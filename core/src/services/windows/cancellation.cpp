// SPDX-License-Identifier: MIT
// Source: "HandlerRoutine callback function" and "SetConsoleCtrlHandler" of the Windows console
// API. The system calls the handler on a thread of its own.
#include "services/cancellation.hpp"

#include <atomic>
#include <thread>

#include <windows.h>

#include "services/cancellation_state.hpp"
#include "util/windows/wide.hpp"

namespace k2s::core {

namespace {

/// What shells on other systems report for Ctrl-C.
constexpr UINT k_exit_interrupted = 130;

/// Services live in session 0 and get CTRL_LOGOFF_EVENT for every user who leaves.
bool is_session_zero() noexcept {
    DWORD session = 0;
    return ::ProcessIdToSessionId(::GetCurrentProcessId(), &session) != 0 && session == 0;
}

} // namespace

struct Cancellation::State::Handlers {
    WakeEvent finished{true}; ///< set when this object goes away

    static BOOL WINAPI on_control(DWORD control) noexcept;

    static std::atomic<State *> active; ///< who has the handler
    static std::atomic<int> inside;     ///< handlers that may be using `active`
};

std::atomic<Cancellation::State *> Cancellation::State::Handlers::active{nullptr};
std::atomic<int> Cancellation::State::Handlers::inside{0};

BOOL WINAPI Cancellation::State::Handlers::on_control(DWORD control) noexcept {
    struct Inside {
        Inside() noexcept { ++inside; }
        ~Inside() { --inside; }
    } const here;
    State *const self = active.load();
    if (self == nullptr) {
        return FALSE;
    }
    switch (control) {
    case CTRL_C_EVENT:
    case CTRL_BREAK_EVENT:
        if (self->reason.load() != StopReason::none) {
            ::TerminateProcess(::GetCurrentProcess(), k_exit_interrupted);
        }
        self->request(StopReason::interrupt);
        return TRUE;
    case CTRL_CLOSE_EVENT:
        self->request(StopReason::console_close);
        break;
    case CTRL_LOGOFF_EVENT:
        if (is_session_zero()) {
            return TRUE;
        }
        self->request(StopReason::logoff);
        break;
    case CTRL_SHUTDOWN_EVENT:
        self->request(StopReason::shutdown);
        break;
    default:
        return FALSE;
    }
    // The system ends the process as soon as this returns, or after its own time limit (5 s for a
    // closed console): stay until the host has stopped what runs.
    ::WaitForSingleObject(self->handlers->finished.native(), INFINITE);
    return TRUE;
}

Cancellation::State::State() = default;

Cancellation::State::~State() {
    if (handlers) {
        ::SetConsoleCtrlHandler(&Handlers::on_control, FALSE);
        Handlers::active.store(nullptr);
        handlers->finished.set();
        while (Handlers::inside.load() != 0) {
            std::this_thread::yield();
        }
    }
}

// A console has no "hang up": reloads come by request_reload() alone.
Result<void> Cancellation::install(HangUp /*hang_up*/) {
    using Handlers = State::Handlers;
    auto handlers = std::make_unique<Handlers>();
    if (!state_->open_events() || !handlers->finished.open()) {
        return fail(K2S_E_FAILED, "cannot receive console events: {}",
                    windows_error(::GetLastError()));
    }
    if (state_->handlers || Handlers::active.load() != nullptr) {
        return fail(K2S_E_BUSY, "another part of this process handles console events already");
    }
    state_->handlers = std::move(handlers); // the handler looks at it
    State *nobody = nullptr;
    if (!Handlers::active.compare_exchange_strong(nobody, state_.get())) {
        state_->handlers.reset();
        return fail(K2S_E_BUSY, "another part of this process handles console events already");
    }
    if (::SetConsoleCtrlHandler(&Handlers::on_control, TRUE) == 0) {
        const DWORD error = ::GetLastError();
        Handlers::active.store(nullptr);
        state_->handlers.reset();
        return fail(K2S_E_FAILED, "cannot receive console events: {}", windows_error(error));
    }
    return {};
}

Result<Cancellation::NativeHandle> Cancellation::native_handle() {
    if (!state_->open_events()) {
        return fail(K2S_E_FAILED, "cannot make an event: {}", windows_error(::GetLastError()));
    }
    return state_->cancelled.native();
}

} // namespace k2s::core
