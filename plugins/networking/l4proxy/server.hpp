// SPDX-License-Identifier: MIT
#pragma once

#include <expected>
#include <memory>
#include <string_view>

#include <k2s/sdk/host.hpp>

#include "dataplane/server.hpp"

namespace k2s::l4proxy {

/// The forwards as a service of a host: settings in, log and metrics out.
std::expected<std::unique_ptr<dataplane::Server>, Error>
make_server(const Host &host, std::string_view instance, std::string_view settings,
            dataplane::net::io_context &io);

} // namespace k2s::l4proxy
