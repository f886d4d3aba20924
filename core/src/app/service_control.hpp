// SPDX-License-Identifier: MIT
#pragma once

#include <functional>

#include "services/cancellation.hpp"

namespace k2s::core {

/// Tells whoever started this process that its services run now.
using Ready = std::function<void()>;

/// Runs `body` to its end and gives back its exit code. When the service control manager started
/// this process, it hears of start, running and end, and its stop, shutdown and parameter change
/// become requests to `cancellation`. Elsewhere the body simply runs.
int run_as_service(Cancellation &cancellation, const std::function<int(const Ready &)> &body);

/// What goes on in the host from then on.
enum class ServiceState { ready, reloading, stopping };

/// For a service manager that waits for such words (systemd with Type=notify). Elsewhere nothing.
void tell_service_manager(ServiceState state);

/// For a start that ends before run_as_service: the service control manager, if it started this
/// process, gets the exit code at once, in place of an error half a minute later.
void report_failed_start(int exit_code);

} // namespace k2s::core
