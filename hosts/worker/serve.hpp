// SPDX-License-Identifier: MIT
#pragma once

#include "platform.hpp"

namespace k2s::worker {

/// Serves one plugin to the host at the other end of `line`: first words, restrictions, the library
/// in the open `file`, then calls until the host ends the plugin or is gone. Ends the process.
[[noreturn]] void serve(Inherited line, Inherited file);

} // namespace k2s::worker
