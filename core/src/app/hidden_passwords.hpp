// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string_view>
#include <utility>

namespace k2s::core {

/// Where in a word of the command line the password of a URL stands ("http://user:password@host"),
/// as offset and length; {0, 0}: it has none.
constexpr std::pair<std::size_t, std::size_t> password_in(std::string_view word) {
    const auto scheme = word.find("://");
    if (scheme == std::string_view::npos) {
        return {0, 0};
    }
    const auto begin = scheme + 3;
    const auto at = word.rfind('@', word.find('/', begin));
    const auto colon = word.find(':', begin);
    if (at == std::string_view::npos || at < begin || colon >= at || colon + 1 == at) {
        return {0, 0};
    }
    return {colon + 1, at - colon - 1};
}

/// Overwrites such passwords in what other users can see of this process's command line; the copies
/// that the program works with stay. True when there were any.
bool hide_passwords(int argc, const char *const *argv);

} // namespace k2s::core
