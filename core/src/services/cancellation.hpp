// SPDX-License-Identifier: MIT
/// \file
/// The wish to stop: from Ctrl-C, a signal, a closing console, a service manager or the host
/// itself.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "services/deadline.hpp"
#include "util/result.hpp"

namespace k2s::core {

enum class StopReason : uint8_t {
    none,
    interrupt,     ///< Ctrl-C, Ctrl-Break
    terminate,     ///< SIGTERM
    hang_up,       ///< SIGHUP when it does not mean "reload"
    console_close, ///< Windows: the window was closed
    logoff,
    shutdown,
    requested, ///< by this process: service stop, admin command, failure elsewhere
};

/// "Ctrl-C", "SIGTERM", …
std::string_view reason_text(StopReason reason) noexcept;

/// One per process has signal handlers; further ones (tests) only know request(). Once it is
/// requested it stays so. [any-thread] unless said otherwise.
class Cancellation {
  public:
#ifdef _WIN32
    using NativeHandle = void *; ///< an event
#else
    using NativeHandle = int; ///< a descriptor to poll for reading
#endif

    /// Makes nothing of the system's: descriptors come with install() or native_handle().
    Cancellation();
    Cancellation(const Cancellation &) = delete;
    Cancellation &operator=(const Cancellation &) = delete;

    /// Puts the former handlers back and lets a closing console go on.
    ~Cancellation();

    enum class HangUp : uint8_t { stop, reload };

    /// Takes over SIGINT, SIGTERM and SIGHUP, or the console's control events. Once cancelled, a
    /// further Ctrl-C ends the process at once with exit code 130. K2S_E_BUSY when another
    /// object has them.
    Result<void> install(HangUp hang_up);

    bool requested() const noexcept;
    StopReason reason() const noexcept;

    /// The first reason stays.
    void request(StopReason reason = StopReason::requested) noexcept;

    /// Asks for a reload: wait() calls the handler on its own thread. What SIGHUP does.
    void request_reload() noexcept;
    void on_reload(std::function<void()> handler);

    /// Until cancelled; runs the reload handler in between. For one thread at a time.
    StopReason wait();

    /// The same with an end; StopReason::none when that has come.
    StopReason wait_until(Deadline deadline);

    /// Becomes readable (signalled) when cancelled and stays so: for a poll beside other things.
    /// An error only when the system has no more descriptors.
    Result<NativeHandle> native_handle();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace k2s::core
