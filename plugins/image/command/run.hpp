// SPDX-License-Identifier: MIT
#pragma once

#include <k2s/sdk/command.hpp>
#include <k2s/sdk/host.hpp>

namespace k2s::image {

/// The commands `image …`.
Status run_command(const Invocation &call, const Host &host);

} // namespace k2s::image
