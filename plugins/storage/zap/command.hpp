// SPDX-License-Identifier: MIT
#pragma once

#include <k2s/sdk/command.hpp>
#include <k2s/sdk/host.hpp>

namespace k2s::zap {

/// The command `zap`: options, a progress bar and the result as data. The engine is zap.hpp.
Status run_command(const Invocation &call, const Host &host);

} // namespace k2s::zap
