// SPDX-License-Identifier: MIT
/// \file
/// Cancellation's inside: shared by what is the same everywhere and by the platform's handlers.
#pragma once

#include <mutex>

#include "services/cancellation.hpp"
#include "services/wake_event.hpp"

namespace k2s::core {

struct Cancellation::State {
    struct Handlers; ///< the platform's

    std::atomic<StopReason> reason{StopReason::none};
    std::atomic<bool> reload{false};
    WakeEvent cancelled{true}; ///< set from the request on
    WakeEvent woken{false};    ///< set while a reload is asked for

    std::mutex mutex; ///< the rest
    std::function<void()> reload_handler;
    std::unique_ptr<Handlers> handlers; ///< while installed

    State();
    ~State();

    /// Both may run in a signal handler.
    void request(StopReason why) noexcept;
    void request_reload() noexcept;

    bool open_events();
};

} // namespace k2s::core
