// SPDX-License-Identifier: MIT
#include "endpoint.hpp"

#include <algorithm>

#include "common/address.hpp"
#include "common/text.hpp"

namespace k2s::l4proxy {
namespace {

constexpr size_t k_longest_url = 4500; // a namespace's path and some more
constexpr size_t k_longest_host = 253;

std::unexpected<Error> bad(std::string_view text, std::string_view why,
                           int32_t code = K2S_E_USAGE) {
    std::string message = "\"" + std::string(text.substr(0, 200)) + "\": ";
    message += why;
    return std::unexpected(Error{code, std::move(message)});
}

bool usable_name(std::string_view host) {
    return host.size() <= k_longest_host && std::all_of(host.begin(), host.end(), [](char c) {
               return ascii_alnum(c) || c == '.' || c == '-' || c == '_';
           });
}

// Digits and dots alone are an address or a mistake; a resolver would read 010.1 its own way.
bool looks_like_address(std::string_view host) {
    return std::all_of(host.begin(), host.end(), [](char c) { return ascii_digit(c) || c == '.'; });
}

std::expected<EndpointUrl, Error> parse(std::string_view text, bool target) {
    constexpr std::string_view k_example =
        "; write it as tcp://10.0.0.5:5432, udp://:53 or unix:///run/x.sock";
    EndpointUrl url;
    url.text = text;
    const auto wrong = [&](std::string_view why) {
        return bad(url.text, std::string(why) + std::string(k_example));
    };
    if (text.size() > k_longest_url) {
        return wrong("the address is too long");
    }
    using Transport = EndpointUrl::Transport;
    constexpr std::pair<std::string_view, Transport> k_schemes[] = {
        {"tcp://", Transport::tcp},
        {"udp://", Transport::udp},
        {"unix://", Transport::unix_stream}};
    const auto scheme = std::find_if(std::begin(k_schemes), std::end(k_schemes),
                                     [&](const auto &s) { return text.starts_with(s.first); });
    if (scheme == std::end(k_schemes)) {
        return wrong("it begins with none of tcp://, udp:// and unix://");
    }
    url.transport = scheme->second;
    text.remove_prefix(scheme->first.size());
    auto place = NetworkPlace::take_from(text);
    if (!place) {
        return bad(url.text, place.error().message, place.error().code);
    }
    url.place = std::move(*place);
    if (url.transport == Transport::unix_stream) {
        auto address = UnixAddress::parse(text);
        if (!address) {
            return bad(url.text, address.error());
        }
        if (target && text.find('?') != std::string_view::npos) {
            return bad(url.text, "a mode is for sockets that are listened on");
        }
        url.unix_socket = std::move(*address);
        return url;
    }
    const size_t colon = text.rfind(':');
    const auto port = colon == std::string_view::npos
                          ? std::nullopt
                          : parse_decimal<uint16_t>(text.substr(colon + 1));
    if (!port) {
        return wrong("a port from 0 to 65535 must stand at the end");
    }
    if (target && *port == 0) {
        return wrong("nobody can be reached at port 0");
    }
    url.port = *port;
    std::string_view host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
        const auto address = parse_address(host);
        if (!address || !address->is_v6()) {
            return wrong("the text in brackets is neither a place nor an IPv6 address");
        }
    } else if (host.find(':') != std::string_view::npos) {
        return wrong("an IPv6 address needs brackets");
    } else if (host == "*" && !target) {
        host = {};
    } else if (!host.empty() && !parse_address(host) &&
               (looks_like_address(host) || !usable_name(host))) {
        return wrong("the host is neither an address nor a name");
    }
    if (const auto address = parse_address(host);
        target && address && (address->is_unspecified() || address->is_multicast())) {
        return wrong("nobody can be reached at this address");
    }
    url.host = host;
    return url;
}

} // namespace

std::expected<EndpointUrl, Error> EndpointUrl::parse_listen(std::string_view text) {
    return parse(text, false);
}

std::expected<EndpointUrl, Error> EndpointUrl::parse_target(std::string_view text) {
    return parse(text, true);
}

ListenAddress EndpointUrl::listen_address() const {
    ListenAddress address;
    address.host = host;
    address.port = port;
    address.place = place;
    address.unix_socket = unix_socket;
    address.text = text;
    return address;
}

bool EndpointUrl::same_as(const EndpointUrl &other) const noexcept {
    return transport == other.transport && place == other.place && host == other.host &&
           port == other.port &&
           (unix_socket ? unix_socket->path : "") ==
               (other.unix_socket ? other.unix_socket->path : "");
}

std::string_view text_of(EndpointUrl::Transport transport) noexcept {
    constexpr std::string_view k_names[] = {"tcp", "udp", "unix"};
    return k_names[static_cast<size_t>(transport)];
}

} // namespace k2s::l4proxy
