// SPDX-License-Identifier: MIT
#include "../activation.hpp"

namespace k2s::dataplane {

std::expected<std::vector<Acceptor>, std::string> inherited_listeners(net::io_context &,
                                                                      const std::string &) {
    return std::unexpected(std::string("Windows passes no sockets to services; write host:port"));
}

} // namespace k2s::dataplane
