// SPDX-License-Identifier: MIT
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "net.hpp"

// Socket activation: systemd listens and hands the sockets to the process that it starts
// (sd_listen_fds(3)). linux/activation.cpp, windows/activation.cpp.
namespace k2s::dataplane {

/// Listening sockets that this process was started with and whose name (FileDescriptorName= of the
/// socket unit) is `name`; empty: all of them. They can be asked for any number of times, and
/// belong to no child process. The error says why there are none.
std::expected<std::vector<Acceptor>, std::string> inherited_listeners(net::io_context &io,
                                                                      const std::string &name);

} // namespace k2s::dataplane
