// SPDX-License-Identifier: MIT
#pragma once

#include "services/ports.hpp"

namespace k2s::core {

/// The port behind k2s.process: runs a child of this process to its end. [any-thread, may-block]
Result<ProcessOutcome> run_process(const ProcessRequest &request);

} // namespace k2s::core
