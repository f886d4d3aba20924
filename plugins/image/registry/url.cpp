// SPDX-License-Identifier: MIT
#include "registry/url.hpp"

#include <algorithm>

#include "common/text.hpp"

namespace k2s::image {

Result<Url> Url::parse(std::string_view text) {
    const auto wrong = [&](std::string_view why) {
        return fail(K2S_E_FAILED, "'{:.200}' is no URL for http or https: {}",
                    text.substr(0, text.find('?')), why);
    };
    Url url;
    std::string_view rest = text;
    if (rest.starts_with("http://")) {
        url.secure = false;
        url.port = 80;
        rest.remove_prefix(7);
    } else if (rest.starts_with("https://")) {
        rest.remove_prefix(8);
    } else {
        return wrong("it has another scheme");
    }
    if (!std::ranges::all_of(rest, [](char c) { return c > ' ' && c < 127; })) {
        return wrong("it has a space, a control or a non-ASCII character");
    }
    const size_t slash = rest.find_first_of("/?#");
    std::string_view host = rest.substr(0, slash);
    if (slash != std::string_view::npos) {
        const std::string_view target = rest.substr(slash, rest.find('#') - slash);
        url.target = (target.starts_with('/') ? "" : "/") + std::string(target);
    }
    if (host.find('@') != std::string_view::npos) {
        return fail(K2S_E_FAILED, "a URL has a user name or password in it, which is not allowed");
    }
    const size_t colon = host.rfind(':');
    if (colon != std::string_view::npos && !host.ends_with(']')) {
        url.port = parse_decimal<uint16_t>(host.substr(colon + 1)).value_or(0);
        if (url.port == 0) {
            return wrong("its port is none");
        }
        host = host.substr(0, colon);
    }
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
    }
    if (host.empty() || host.size() > 255) {
        return wrong("it has no host");
    }
    url.host = host;
    return url;
}

Result<Url> Url::resolve(std::string_view location) const {
    if (location.starts_with("http://") || location.starts_with("https://")) {
        return parse(location);
    }
    if (location.starts_with("//")) {
        return parse((secure ? "https:" : "http:") + std::string(location));
    }
    if (location.starts_with('/')) {
        return parse(origin() + std::string(location));
    }
    const std::string path = target.substr(0, target.find('?'));
    return parse(origin() + path.substr(0, path.rfind('/') + 1) + std::string(location));
}

std::string Url::authority() const {
    const std::string name = host.find(':') != std::string::npos ? "[" + host + "]" : host;
    return port == (secure ? 443 : 80) ? name : name + ":" + std::to_string(port);
}

std::string Url::origin() const {
    return (secure ? "https://" : "http://") + authority();
}

std::string encode_query(std::string_view text) {
    std::string encoded;
    for (const char c : text) {
        if (ascii_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~') {
            encoded += c;
        } else {
            encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
        }
    }
    return encoded;
}

} // namespace k2s::image
