// SPDX-License-Identifier: MIT
#include "upstream.hpp"

#include "dataplane/text.hpp"
#include "target.hpp"
#include "vocabulary.hpp"

namespace k2s::httpproxy {
namespace {

int hex_digit(char c) noexcept {
    if (ascii_digit(c)) {
        return c - '0';
    }
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// False for a broken escape and for control characters, which no Basic credential may contain.
bool percent_decode(std::string_view text, std::string &out) {
    for (size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (c == '%') {
            if (i + 2 >= text.size() || hex_digit(text[i + 1]) < 0 || hex_digit(text[i + 2]) < 0) {
                return false;
            }
            c = static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
            i += 2;
        }
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
            return false;
        }
        out += c;
    }
    return true;
}

std::string base64(std::string_view data) {
    static constexpr char k_alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (size_t i = 0; i < data.size(); i += 3) {
        uint32_t block = 0;
        for (size_t k = 0; k < 3; ++k) {
            block =
                block << 8 | (i + k < data.size() ? static_cast<unsigned char>(data[i + k]) : 0);
        }
        for (size_t k = 0; k < 4; ++k) {
            out += i + k <= data.size() ? k_alphabet[block >> (18 - 6 * k) & 63] : '=';
        }
    }
    return out;
}

std::unexpected<Error> bad(std::string_view why) {
    std::string message = "the upstream proxy URL is wrong: ";
    message += why;
    message += "; write it as http://[user:password@]host:port";
    return std::unexpected(Error{K2S_E_USAGE, std::move(message)});
}

} // namespace

std::string Upstream::display() const {
    std::string out = tls ? "https://" : "http://";
    const bool v6 = host.find(':') != std::string::npos;
    out += v6 ? "[" + host + "]" : host;
    out += ':';
    out += std::to_string(port);
    return out;
}

std::expected<Upstream, Error> Upstream::parse(std::string_view url) {
    Upstream upstream;
    url = trim(url);
    if (const size_t colon = url.find("://"); colon != std::string_view::npos) {
        const std::string_view scheme = url.substr(0, colon);
        if (iequals(scheme, "https")) {
            upstream.tls = true;
        } else if (!iequals(scheme, "http")) {
            return bad("its scheme is neither http nor https");
        }
        url.remove_prefix(colon + 3);
    }
    if (url.ends_with('/')) {
        url.remove_suffix(1);
    }
    if (const size_t at = url.rfind('@'); at != std::string_view::npos) {
        std::string credentials;
        const std::string_view given = url.substr(0, at);
        const size_t colon = given.find(':');
        if (!percent_decode(given.substr(0, colon), credentials) ||
            credentials.find(':') != std::string::npos) {
            return bad("the user name is malformed");
        }
        credentials += ':';
        if (colon != std::string_view::npos &&
            !percent_decode(given.substr(colon + 1), credentials)) {
            return bad("the password is malformed");
        }
        upstream.authorization = "Basic " + base64(credentials);
        url.remove_prefix(at + 1);
    }
    if (url.find_first_of("/?#") != std::string_view::npos) {
        return bad("it has a path");
    }
    std::string with_port(url);
    const size_t last = with_port.rfind(':');
    const size_t bracket = with_port.rfind(']');
    if (last == std::string::npos || (bracket != std::string::npos && last < bracket)) {
        with_port += upstream.tls ? ":443" : ":80";
    }
    if (with_port.find("://") != std::string::npos) {
        return bad("it has two schemes");
    }
    const auto target = with_port.front() == ':' || with_port.front() == '/'
                            ? std::unexpected(TargetError::host)
                            : parse_connect_target(with_port);
    if (!target) {
        return bad(describe(target.error()));
    }
    upstream.host = target->host;
    upstream.port = target->port;
    return upstream;
}

} // namespace k2s::httpproxy
