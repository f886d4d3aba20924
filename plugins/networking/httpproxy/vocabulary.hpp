// SPDX-License-Identifier: MIT
#pragma once

namespace k2s::dataplane {}

/// The engine is written in the words of the data plane: Socket, Task, Stream, Watchdog …
namespace k2s::httpproxy {
using namespace dataplane;
}
