// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "util/result.hpp"

namespace k2s::core::admin {

struct LoopbackAddress {
    std::string host; // numeric
    std::uint16_t port = 0;
};

/// "127.0.0.1:9181", "[::1]:9181", "localhost:9181". Anything that other machines could reach, and
/// any name but localhost, is K2S_E_USAGE.
Result<LoopbackAddress> parse_loopback(std::string_view text);

/// Whether a Host header (with or without a port) is localhost or a numeric loopback address.
bool names_loopback(std::string_view host_header);

} // namespace k2s::core::admin
