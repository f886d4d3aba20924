// SPDX-License-Identifier: MIT
// Signals set an atomic and make an eventfd readable; both are async-signal-safe
// (signal-safety(7): write; atomics that are lock-free). No thread is needed to receive them.
#include "services/cancellation.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace k2s::core {

namespace {

constexpr std::array k_signals{SIGINT, SIGTERM, SIGHUP};

/// 128 + SIGINT, as shells report it.
constexpr int k_exit_interrupted = 130;

/// An eventfd above the standard streams: where one of those is closed it must not take its place,
/// or the plugin would read from it.
int make_event() noexcept {
    const int event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (event < 0 || event > STDERR_FILENO) {
        return event;
    }
    const int moved = ::fcntl(event, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    ::close(event);
    return moved;
}

void make_readable(int descriptor) noexcept {
    const uint64_t one = 1;
    // Fails only when the counter is full, and then it is readable already.
    [[maybe_unused]] const ssize_t written = ::write(descriptor, &one, sizeof(one));
}

} // namespace

struct Cancellation::State {
    std::atomic<StopReason> reason{StopReason::none};
    std::atomic<bool> hang_up_reloads{false};
    std::atomic<bool> reload{false};
    std::atomic<int> cancelled{-1}; ///< eventfd, readable from the request on
    std::atomic<int> woken{-1};     ///< eventfd, readable while a reload is asked for

    std::mutex mutex; ///< the rest
    std::function<void()> reload_handler;
    std::array<struct sigaction, k_signals.size()> former{};
    bool installed = false;

    void request(StopReason why) noexcept {
        auto none = StopReason::none;
        reason.compare_exchange_strong(none, why);
        if (const int descriptor = cancelled.load(); descriptor >= 0) {
            make_readable(descriptor);
        }
    }

    void request_reload() noexcept {
        reload.store(true);
        if (const int descriptor = woken.load(); descriptor >= 0) {
            make_readable(descriptor);
        }
    }

    bool open_descriptors() {
        const std::lock_guard held(mutex);
        for (std::atomic<int> *const descriptor : {&cancelled, &woken}) {
            if (descriptor->load() < 0) {
                const int fresh = make_event();
                if (fresh < 0) {
                    return false;
                }
                descriptor->store(fresh);
            }
        }
        // A request that came before the descriptor was there.
        if (reason.load() != StopReason::none) {
            make_readable(cancelled.load());
        }
        if (reload.load()) {
            make_readable(woken.load());
        }
        return true;
    }

    static void on_signal(int signal) noexcept;

    static std::atomic<State *> active; ///< who has the handlers
    static std::atomic<int> inside;     ///< handlers that may be using `active`
};

std::atomic<Cancellation::State *> Cancellation::State::active{nullptr};
std::atomic<int> Cancellation::State::inside{0};

void Cancellation::State::on_signal(int signal) noexcept {
    const int saved = errno;
    ++inside;
    if (State *const self = active.load()) {
        if (signal == SIGINT && self->reason.load() != StopReason::none) {
            ::_exit(k_exit_interrupted);
        }
        if (signal == SIGHUP && self->hang_up_reloads.load()) {
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

Cancellation::Cancellation() : state_(std::make_unique<State>()) {}

Cancellation::~Cancellation() {
    if (state_->installed) {
        for (std::size_t i = 0; i < k_signals.size(); ++i) {
            ::sigaction(k_signals[i], &state_->former[i], nullptr);
        }
        State::active.store(nullptr);
        while (State::inside.load() != 0) { // a handler on another thread
            std::this_thread::yield();
        }
    }
    for (const std::atomic<int> *descriptor : {&state_->cancelled, &state_->woken}) {
        if (descriptor->load() >= 0) {
            ::close(descriptor->load());
        }
    }
}

Result<void> Cancellation::install(HangUp hang_up) {
    if (!state_->open_descriptors()) {
        return fail(K2S_E_FAILED, "cannot receive signals: {}",
                    std::generic_category().message(errno));
    }
    State *nobody = nullptr;
    if (!State::active.compare_exchange_strong(nobody, state_.get())) {
        return fail(K2S_E_BUSY, "another part of this process handles signals already");
    }
    state_->hang_up_reloads.store(hang_up == HangUp::reload);
    struct sigaction action{};
    action.sa_handler = &State::on_signal;
    action.sa_flags = SA_RESTART; // plugins do not expect EINTR; poll() returns it all the same
    ::sigemptyset(&action.sa_mask);
    for (std::size_t i = 0; i < k_signals.size(); ++i) {
        ::sigaction(k_signals[i], &action, &state_->former[i]);
        // nohup(1) and background jobs start with signals ignored; that stays so.
        if (state_->former[i].sa_handler == SIG_IGN && k_signals[i] != SIGTERM) {
            ::sigaction(k_signals[i], &state_->former[i], nullptr);
        }
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
    // Without descriptors (the process has too many) it looks every 50 ms instead.
    const bool polls = state_->open_descriptors();
    const milliseconds longest = polls ? milliseconds(60'000) : milliseconds(50);
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
        std::array<pollfd, 2> wait{pollfd{state_->cancelled.load(), POLLIN, 0},
                                   pollfd{state_->woken.load(), POLLIN, 0}};
        ::poll(wait.data(), polls ? wait.size() : 0,
               static_cast<int>(std::min(left, longest).count()));
        if (polls && (wait[1].revents & POLLIN) != 0) {
            uint64_t count = 0;
            [[maybe_unused]] const ssize_t got =
                ::read(state_->woken.load(), &count, sizeof(count));
        }
    }
}

Result<Cancellation::NativeHandle> Cancellation::native_handle() {
    if (!state_->open_descriptors()) {
        return fail(K2S_E_FAILED, "cannot make an event: {}",
                    std::generic_category().message(errno));
    }
    return state_->cancelled.load();
}

} // namespace k2s::core
