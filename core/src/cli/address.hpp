// SPDX-License-Identifier: MIT
/// \file
/// Whether text is an IP address, a network, host:port or a URL. Only the form is checked; nothing
/// is resolved. Needs no socket library, which start-up would pay for.
#pragma once

#include <string_view>

namespace k2s::core {

/// Dotted decimal with four parts, no leading zeros (which some read as octal).
bool is_ipv4(std::string_view text);

/// RFC 4291 section 2.2, without a zone.
bool is_ipv6(std::string_view text);

/// An address, a slash and a prefix length: RFC 4632 and RFC 4291 section 2.3. Bits behind the
/// prefix may be set.
bool is_cidr(std::string_view text);

/// A host name (RFC 1123 letters, plus the underscore that is seen in practice) or IPv4 address.
bool is_host(std::string_view text);

/// host:port, [ipv6]:port or :port (every local address); port 0 lets the system choose.
bool is_address(std::string_view text);

/// scheme://[user[:password]@]host[:port][/…] (RFC 3986), without blanks or control characters.
bool is_url(std::string_view text);

} // namespace k2s::core
