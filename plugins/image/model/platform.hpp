// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include "base/json.hpp"

namespace k2s::image {

/// What an image runs on, in Go's words.
struct Platform {
    std::string os;
    std::string architecture;
    std::string variant;    // "v7" of arm
    std::string os_version; // "10.0.20348.2527": a Windows container runs on that build only

    /// `linux`, `linux/arm64`, `linux/arm/v7`, `windows/amd64:10.0.20348.2527`.
    static Result<Platform> parse(std::string_view text);
    /// This machine's.
    static Platform here();
    static Platform read(Fields &fields);

    std::string text() const;
    void write(Json &object) const;

    bool operator==(const Platform &) const = default;
    /// True when `this`, as somebody asks for it, is met by `other`: what is not said is free.
    bool matches(const Platform &other) const;
};

} // namespace k2s::image
