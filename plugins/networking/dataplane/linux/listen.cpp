// SPDX-License-Identifier: MIT
#include "../listener.hpp"

namespace k2s::dataplane {

void set_listener_options(Acceptor &acceptor) {
    error_code ignored;
    acceptor.set_option(net::socket_base::reuse_address(true), ignored);
}

} // namespace k2s::dataplane
