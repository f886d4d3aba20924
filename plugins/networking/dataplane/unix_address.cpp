// SPDX-License-Identifier: MIT
#include "unix_address.hpp"

#include <algorithm>

namespace k2s::dataplane {

std::expected<UnixAddress, std::string> UnixAddress::parse(std::string_view text) {
    const auto bad = [](const char *why) { return std::unexpected(std::string(why)); };
#ifdef _WIN32
    return bad("Unix sockets are served on Linux only");
#endif
    constexpr std::string_view k_mode = "?mode=";
    UnixAddress address;
    if (const size_t query = text.find('?'); query != std::string_view::npos) {
        if (!text.substr(query).starts_with(k_mode)) {
            return bad("after the question mark only mode=0600 or the like can stand");
        }
        const std::string_view mode = text.substr(query + k_mode.size());
        if (mode.empty() || mode.size() > 4 || mode.find_first_not_of("01234567") != mode.npos) {
            return bad("the mode is no octal number such as 0660");
        }
        address.mode = 0;
        for (const char digit : mode) {
            address.mode = address.mode * 8 + static_cast<unsigned>(digit - '0');
        }
        if (address.mode > 0777) {
            return bad("the mode is no octal number up to 0777");
        }
        text = text.substr(0, query);
    }
    if (text.size() < 2 || (text.front() != '/' && text.front() != '@')) {
        return bad("a Unix socket needs an absolute path (unix:///run/name) or, in the abstract "
                   "namespace, unix://@name");
    }
    if (text.size() > k_longest) {
        return bad("the path is longer than the 107 bytes that a socket's name may have");
    }
    if (std::any_of(text.begin(), text.end(),
                    [](char c) { return static_cast<unsigned char>(c) < 0x20; })) {
        return bad("the path holds control characters");
    }
    address.path = text;
    return address;
}

} // namespace k2s::dataplane
