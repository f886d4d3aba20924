// SPDX-License-Identifier: MIT
#pragma once

#include <k2s/sdk/command.hpp>
#include <k2s/sdk/host.hpp>

namespace k2s::yaml2json {

/// The command `yaml2json`: where the document comes from and goes to. The engine is convert.hpp.
Status run_command(const Invocation &call, const Host &host);

} // namespace k2s::yaml2json
