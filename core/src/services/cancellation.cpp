// SPDX-License-Identifier: MIT
#include "services/cancellation.hpp"

#include <algorithm>
#include <thread>
#include <utility>

#include "services/cancellation_state.hpp"

namespace k2s::core {

void Cancellation::State::request(StopReason why) noexcept {
    auto none = StopReason::none;
    reason.compare_exchange_strong(none, why);
    cancelled.set();
}

void Cancellation::State::request_reload() noexcept {
    reload.store(true);
    woken.set();
}

bool Cancellation::State::open_events() {
    const std::lock_guard held(mutex);
    if (!cancelled.open() || !woken.open()) {
        return false;
    }
    // A request that came before the event was there.
    if (reason.load() != StopReason::none) {
        cancelled.set();
    }
    if (reload.load()) {
        woken.set();
    }
    return true;
}

Cancellation::Cancellation() : state_(std::make_unique<State>()) {}

Cancellation::~Cancellation() = default;

std::string_view reason_text(StopReason reason) noexcept {
    switch (reason) {
    case StopReason::none:
        return "not requested";
    case StopReason::interrupt:
        return "Ctrl-C";
    case StopReason::terminate:
        return "SIGTERM";
    case StopReason::hang_up:
        return "the terminal hung up";
    case StopReason::console_close:
        return "the console was closed";
    case StopReason::logoff:
        return "the user logged off";
    case StopReason::shutdown:
        return "the system shuts down";
    case StopReason::requested:
        return "on request";
    }
    return "unknown";
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

StopReason Cancellation::wait() {
    return wait_until(after_ms(k_longest_wait_ms));
}

StopReason Cancellation::wait_until(Deadline deadline) {
    using std::chrono::milliseconds;
    // Without events (the process has too many descriptors or handles) it looks every 50 ms.
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
        const auto turn = milliseconds(std::min(left, longest));
        if (waits) {
            WakeEvent::wait_for_any(state_->cancelled, state_->woken, turn);
        } else {
            std::this_thread::sleep_for(turn);
        }
    }
}

} // namespace k2s::core
