// SPDX-License-Identifier: MIT
// Signals set an atomic and make an eventfd readable; both are async-signal-safe
// (signal-safety(7): write; atomics that are lock-free). No thread is needed to receive them.
#include "services/cancellation.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <thread>

#include <unistd.h>

#include "services/cancellation_state.hpp"

namespace k2s::core {

namespace {

constexpr std::array k_signals{SIGINT, SIGTERM, SIGHUP};

/// 128 + SIGINT, as shells report it.
constexpr int k_exit_interrupted = 130;

} // namespace

struct Cancellation::State::Handlers {
    bool hang_up_reloads;
    std::array<struct sigaction, k_signals.size()> former{};

    static void on_signal(int signal) noexcept;

    static std::atomic<State *> active; ///< who has the handlers
    static std::atomic<int> inside;     ///< handlers that may be using `active`
};

std::atomic<Cancellation::State *> Cancellation::State::Handlers::active{nullptr};
std::atomic<int> Cancellation::State::Handlers::inside{0};

void Cancellation::State::Handlers::on_signal(int signal) noexcept {
    const int saved = errno;
    ++inside;
    if (State *const self = active.load()) {
        if (signal == SIGINT && self->reason.load() != StopReason::none) {
            ::_exit(k_exit_interrupted);
        }
        if (signal == SIGHUP && self->handlers->hang_up_reloads) {
            self->request_reload();
        } else {
            self->request(signal == SIGINT    ? StopReason::interrupt
                          : signal == SIGTERM ? StopReason::terminate
                                              : StopReason::hang_up);
        }
    }
    --inside;
    errno = saved;
}

Cancellation::State::State() = default;

Cancellation::State::~State() {
    if (handlers) {
        for (std::size_t i = 0; i < k_signals.size(); ++i) {
            ::sigaction(k_signals[i], &handlers->former[i], nullptr);
        }
        Handlers::active.store(nullptr);
        while (Handlers::inside.load() != 0) { // a handler on another thread
            std::this_thread::yield();
        }
    }
}

Result<void> Cancellation::install(HangUp hang_up) {
    using Handlers = State::Handlers;
    if (!state_->open_events()) {
        return fail(K2S_E_FAILED, "cannot receive signals: {}",
                    std::generic_category().message(errno));
    }
    auto handlers = std::make_unique<Handlers>(hang_up == HangUp::reload);
    if (state_->handlers || Handlers::active.load() != nullptr) {
        return fail(K2S_E_BUSY, "another part of this process handles signals already");
    }
    state_->handlers = std::move(handlers); // the handler looks at it
    State *nobody = nullptr;
    if (!Handlers::active.compare_exchange_strong(nobody, state_.get())) {
        state_->handlers.reset();
        return fail(K2S_E_BUSY, "another part of this process handles signals already");
    }
    struct sigaction action{};
    action.sa_handler = &Handlers::on_signal;
    action.sa_flags = SA_RESTART; // plugins do not expect EINTR; poll() returns it all the same
    ::sigemptyset(&action.sa_mask);
    for (std::size_t i = 0; i < k_signals.size(); ++i) {
        auto &former = state_->handlers->former[i];
        ::sigaction(k_signals[i], &action, &former);
        // nohup(1) and background jobs start with signals ignored; that stays so.
        if (former.sa_handler == SIG_IGN && k_signals[i] != SIGTERM) {
            ::sigaction(k_signals[i], &former, nullptr);
        }
    }
    return {};
}

Result<Cancellation::NativeHandle> Cancellation::native_handle() {
    if (!state_->open_events()) {
        return fail(K2S_E_FAILED, "cannot make an event: {}",
                    std::generic_category().message(errno));
    }
    return state_->cancelled.native();
}

} // namespace k2s::core
