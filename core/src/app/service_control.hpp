// SPDX-License-Identifier: MIT
#pragma once

#include <functional>

#include "services/cancellation.hpp"

namespace k2s::core {

/// Tells whoever started this process that its services run now.
using Ready = std::function<void()>;

/// Runs `body` to its end and gives back its exit code. When the service control manager started this
/// process, it hears of start, running and end, and its stop, shutdown and parameter change become
/// requests to `cancellation`. Elsewhere the body simply runs.
int run_as_service(Cancellation &cancellation, const std::function<int(const Ready &)> &body);

} // namespace k2s::core
