// SPDX-License-Identifier: MIT
// Fuzz target of what a registry says in headers: the first line of an input is a challenge
// (WWW-Authenticate), the second a URL, the third a Location header of that URL's answer.
#include <algorithm>
#include <cstdint>
#include <string>

#include "registry/auth.hpp"
#include "require.hpp"

using namespace k2s::image;

namespace {

/// It goes into a request's head, so nothing in it may end a line.
bool clean(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 127; });
}

void sound(const Url &url) {
    require(!url.host.empty() && url.port != 0 && url.target.starts_with('/'));
    require(clean(url.text()) && clean(url.authority()));
    const auto again = Url::parse(url.text());
    require(again && again->text() == url.text());
}

std::string take_line(std::string_view &text) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    return line;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    std::string_view input(reinterpret_cast<const char *>(data), size);
    if (const auto challenge = parse_challenges(take_line(input))) {
        require(challenge->scheme == "bearer" || challenge->scheme == "basic");
        require(challenge->scheme == "basic" || !challenge->parameters.at("realm").empty());
        for (const auto &[name, value] : challenge->parameters) {
            require(clean(encode_query(value)));
        }
    }
    if (const auto url = Url::parse(take_line(input))) {
        sound(*url);
        if (const auto next = url->resolve(take_line(input))) {
            sound(*next);
        }
    }
    return 0;
}
