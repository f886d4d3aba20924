// SPDX-License-Identifier: MIT
// Source: "HandlerRoutine callback function" and "SetConsoleCtrlHandler" of the Windows console
// API. The system calls the handler on a thread of its own.
#include "services/cancellation.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include <utility>

#include <windows.h>

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

struct Cancellation::State {
    std::atomic<StopReason> reason{StopReason::none};
    std::atomic<bool> reload{false};
    std::atomic<HANDLE> cancelled{nullptr}; ///< event, set from the request on
    std::atomic<HANDLE> woken{nullptr};     ///< event, set while a reload is asked for
    std::atomic<HANDLE> finished{nullptr};  ///< event, set when this object goes away

    std::mutex mutex; ///< the rest
    std::function<void()> reload_handler;
    bool installed = false;

    void request(StopReason why) noexcept {
        auto none = StopReason::none;
        reason.compare_exchange_strong(none, why);
        if (const HANDLE event = cancelled.load()) {
            ::SetEvent(event);
        }
    }

    void request_reload() noexcept {
        reload.store(true);
        if (const HANDLE event = woken.load()) {
            ::SetEvent(event);
        }
    }

    bool open_events() {
        const std::lock_guard held(mutex);
        for (std::atomic<HANDLE> *const event : {&cancelled, &woken, &finished}) {
            if (event->load() == nullptr) {
                const BOOL stays_set = event != &woken;
                const HANDLE fresh = ::CreateEventW(nullptr, stays_set, FALSE, nullptr);
                if (fresh == nullptr) {
                    return false;
                }
                event->store(fresh);
            }
        }
        // A request that came before the event was there.
        if (reason.load() != StopReason::none) {
            ::SetEvent(cancelled.load());
        }
        if (reload.load()) {
            ::SetEvent(woken.load());
        }
        return true;
    }

    static BOOL WINAPI on_control(DWORD control) noexcept;

    static std::atomic<State *> active; ///< who has the handler
    static std::atomic<int> inside;     ///< handlers that may be using `active`
};

std::atomic<Cancellation::State *> Cancellation::State::active{nullptr};
std::atomic<int> Cancellation::State::inside{0};

BOOL WINAPI Cancellation::State::on_control(DWORD control) noexcept {
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
    ::WaitForSingleObject(self->finished.load(), INFINITE);
    return TRUE;
}

Cancellation::Cancellation() : state_(std::make_unique<State>()) {}

Cancellation::~Cancellation() {
    if (state_->installed) {
        ::SetConsoleCtrlHandler(&State::on_control, FALSE);
        State::active.store(nullptr);
        ::SetEvent(state_->finished.load());
        while (State::inside.load() != 0) {
            std::this_thread::yield();
        }
    }
    for (const std::atomic<HANDLE> *event :
         {&state_->cancelled, &state_->woken, &state_->finished}) {
        if (event->load() != nullptr) {
            ::CloseHandle(event->load());
        }
    }
}

// A console has no "hang up": reloads come by request_reload() alone.
Result<void> Cancellation::install(HangUp /*hang_up*/) {
    if (!state_->open_events()) {
        return fail(K2S_E_FAILED, "cannot receive console events: {}",
                    windows_error(::GetLastError()));
    }
    State *nobody = nullptr;
    if (!State::active.compare_exchange_strong(nobody, state_.get())) {
        return fail(K2S_E_BUSY, "another part of this process handles console events already");
    }
    if (::SetConsoleCtrlHandler(&State::on_control, TRUE) == 0) {
        const DWORD error = ::GetLastError();
        State::active.store(nullptr);
        return fail(K2S_E_FAILED, "cannot receive console events: {}", windows_error(error));
    }
    state_->installed = true;
    return {};
}

bool Cancellation::requested() const noexcept {
    return reason() != StopReason::none;
}

StopReason Cancellation::reason() const noexcept {
    return state_->reason.load(std::memory_order_relaxed);
}

void Cancellation::request(StopReason reason) noexcept {
    state_->request(reason);
}

void Cancellation::request_reload() noexcept {
    state_->request_reload();
}

void Cancellation::on_reload(std::function<void()> handler) {
    const std::lock_guard held(state_->mutex);
    state_->reload_handler = std::move(handler);
}

StopReason Cancellation::wait_until(Deadline deadline) {
    using std::chrono::milliseconds;
    // Without events (the process has too many handles) it looks every 50 ms instead.
    const bool waits = state_->open_events();
    const milliseconds longest = waits ? milliseconds(60'000) : milliseconds(50);
    for (;;) {
        if (requested()) {
            return reason();
        }
        if (state_->reload.exchange(false)) {
            std::function<void()> handler;
            {
                const std::lock_guard held(state_->mutex);
                handler = state_->reload_handler;
            }
            if (handler) {
                handler();
            }
            continue;
        }
        const auto left =
            std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
        if (left.count() <= 0) {
            return StopReason::none;
        }
        const auto turn = static_cast<DWORD>(std::min(left, longest).count());
        if (waits) {
            const HANDLE events[] = {state_->cancelled.load(), state_->woken.load()};
            ::WaitForMultipleObjects(2, events, FALSE, turn);
        } else {
            ::Sleep(turn);
        }
    }
}

Result<Cancellation::NativeHandle> Cancellation::native_handle() {
    if (!state_->open_events()) {
        return fail(K2S_E_FAILED, "cannot make an event: {}", windows_error(::GetLastError()));
    }
    return state_->cancelled.load();
}

} // namespace k2s::core
