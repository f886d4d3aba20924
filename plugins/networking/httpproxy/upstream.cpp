// SPDX-License-Identifier: MIT
#include "upstream.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "common/encoding.hpp"
#include "common/text.hpp"
#include "dataplane/file.hpp"
#include "target.hpp"
#include "tls.hpp"
#include "vocabulary.hpp"

namespace k2s::httpproxy {
namespace {

std::unexpected<Error> bad(std::string_view why) {
    std::string message = "the upstream proxy URL is wrong: ";
    message += why;
    message += "; write it as http://[user:password@]host:port, or with https:// or socks5://";
    return std::unexpected(Error{K2S_E_USAGE, std::move(message)});
}

} // namespace

std::string Upstream::display() const {
    std::string out = scheme == Scheme::https    ? "https://"
                      : scheme == Scheme::socks5 ? "socks5://"
                                                 : "http://";
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
            upstream.scheme = Scheme::https;
        } else if (iequals(scheme, "socks5") || iequals(scheme, "socks5h")) {
            upstream.scheme = Scheme::socks5;
        } else if (!iequals(scheme, "http")) {
            return bad("its scheme is none of http, https, socks5");
        }
        url.remove_prefix(colon + 3);
    }
    if (url.ends_with('/')) {
        url.remove_suffix(1);
    }
    if (const size_t at = url.rfind('@'); at != std::string_view::npos) {
        const std::string_view given = url.substr(0, at);
        const size_t colon = given.find(':');
        auto user = percent_decoded(given.substr(0, colon));
        if (!user) {
            return bad("the user name is malformed");
        }
        auto password = percent_decoded(colon == std::string_view::npos ? std::string_view()
                                                                        : given.substr(colon + 1));
        if (!password) {
            return bad("the password is malformed");
        }
        if (!upstream.take_credentials(std::move(*user), std::move(*password))) {
            return bad("user name or password are malformed");
        }
        url.remove_prefix(at + 1);
    }
    if (url.find_first_of("/?#") != std::string_view::npos) {
        return bad("it has a path");
    }
    std::string with_port(url);
    const size_t last = with_port.rfind(':');
    const size_t bracket = with_port.rfind(']');
    if (last == std::string::npos || (bracket != std::string::npos && last < bracket)) {
        with_port += upstream.scheme == Scheme::https    ? ":443"
                     : upstream.scheme == Scheme::socks5 ? ":1080"
                                                         : ":80";
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

bool Upstream::take_credentials(std::string given_user, std::string given_password) {
    // A colon would end the user early (RFC 7617 2); RFC 1929 has one byte for each length.
    const bool fits = given_user.size() <= 255 && given_password.size() <= 255;
    if (given_user.find(':') != std::string::npos ||
        (scheme == Scheme::socks5 && (!fits || given_user.empty() || given_password.empty()))) {
        return false;
    }
    user = std::move(given_user);
    password = std::move(given_password);
    if (speaks_http()) {
        authorization = "Basic " + base64(user + ":" + password);
    }
    return true;
}

std::expected<void, Error> Upstream::set_credentials(std::string_view text) {
    const size_t colon = text.find(':');
    bool clean = colon != std::string_view::npos && colon != 0;
    for (const char c : text) {
        clean = clean && static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
    }
    if (!clean || !take_credentials(std::string(text.substr(0, colon)),
                                    std::string(text.substr(colon + 1)))) {
        return std::unexpected(Error{K2S_E_CONFIG, "they are not written as user:password"});
    }
    return {};
}

namespace {

constexpr size_t k_max_credentials = 4096;

std::expected<std::string, Error> first_line(const std::string &path) {
    const auto cannot = [&path](std::string why) {
        return std::unexpected(Error{K2S_E_CONFIG, "cannot read the upstream's credentials from "
                                                   "\"" +
                                                       path + "\": " + why});
    };
    std::FILE *file = open_file(path, "rb");
    if (file == nullptr) {
        return cannot(std::strerror(errno));
    }
    std::string text(k_max_credentials + 1, '\0');
    const size_t size = std::fread(text.data(), 1, text.size(), file);
    const bool failed = std::ferror(file) != 0;
    std::fclose(file);
    if (failed) {
        return cannot("it is no file");
    }
    text.resize(size);
    const size_t end = text.find_first_of("\r\n");
    if (end == std::string::npos && size > k_max_credentials) {
        return cannot("its first line is longer than 4096 bytes");
    }
    text.resize(std::min(end, size));
    return text;
}

} // namespace

std::expected<Upstream, Error> make_upstream(const UpstreamSpec &spec) {
    auto upstream = Upstream::parse(spec.url);
    if (!upstream) {
        return upstream;
    }
    std::string credentials = spec.credentials;
    std::string from = "the upstream's credentials are wrong: ";
    if (!spec.credentials_file.empty()) {
        auto line = first_line(spec.credentials_file);
        if (!line) {
            return std::unexpected(std::move(line.error()));
        }
        credentials = std::move(*line);
        from = "the credentials in \"" + spec.credentials_file + "\" are wrong: ";
        if (credentials.empty()) {
            return std::unexpected(Error{K2S_E_CONFIG, from + "the first line is empty"});
        }
    }
    if (!credentials.empty()) {
        if (auto taken = upstream->set_credentials(credentials); !taken) {
            return std::unexpected(Error{K2S_E_CONFIG, from + taken.error().message});
        }
    }
    if (upstream->scheme == Upstream::Scheme::https) {
        auto verifier = TlsClient::create(spec.ca_file);
        if (!verifier) {
            return std::unexpected(std::move(verifier.error()));
        }
        upstream->verifier = std::move(*verifier);
    }
    return upstream;
}

} // namespace k2s::httpproxy
