// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace k2s {

/// RFC 4648 4, with padding.
std::string base64(std::string_view bytes);

/// What stands between scheme and host of a URL (RFC 3986 2.1). Nothing for a broken escape and for
/// control characters, which no Basic credential may contain.
std::optional<std::string> percent_decoded(std::string_view text);

} // namespace k2s
