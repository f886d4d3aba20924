// SPDX-License-Identifier: MIT
#pragma once

#include <k2s/sdk/command.hpp>
#include <k2s/sdk/host.hpp>

namespace k2s::httpproxy {

/// `httpproxy test URL`: with the feature's settings and the command line's, no running proxy
/// needed. The exit code, or why it could not be tried at all.
Status run_test_command(const Host &host, const Invocation &call);

} // namespace k2s::httpproxy
