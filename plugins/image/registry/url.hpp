// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace k2s::image {

/// http or https. User and password are refused: they would end up in logs.
struct Url {
    bool secure = true;
    std::string host; // without brackets
    uint16_t port = 443;
    std::string target = "/"; // path and query

    static Result<Url> parse(std::string_view text);
    /// What a Location header of this URL's answer means.
    Result<Url> resolve(std::string_view location) const;

    /// `host[:port]`, as the Host header has it.
    std::string authority() const;
    /// `scheme://host:port`, which tells apart whom one talks to.
    std::string origin() const;
    std::string text() const { return origin() + target; }
};

/// Percent-encodes all but unreserved characters.
std::string encode_query(std::string_view text);

} // namespace k2s::image
