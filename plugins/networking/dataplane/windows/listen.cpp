// SPDX-License-Identifier: MIT
#include "../listener.hpp"

namespace k2s::dataplane {

// SO_REUSEADDR on Windows would let any other process take over the port; this is its opposite.
void set_listener_options(Acceptor &acceptor) {
    const BOOL on = TRUE;
    ::setsockopt(acceptor.native_handle(), SOL_SOCKET, SO_EXCLUSIVEADDRUSE,
                 reinterpret_cast<const char *>(&on), sizeof on);
}

} // namespace k2s::dataplane
