// SPDX-License-Identifier: MIT
#include <boost/asio/ip/udp.hpp>

#include "common/address.hpp"
#include "udp_forward.hpp"

namespace k2s::l4proxy {
namespace {

namespace net = boost::asio;
using dataplane::error_code;
using dataplane::NativeSocket;

Error listen_error(const EndpointUrl &url, const error_code &ec) {
    Error error{K2S_E_IO, "cannot listen on \"" + url.text + "\": " + ec.message()};
    if (ec == net::error::address_in_use) {
        error.code = K2S_E_BUSY;
        error.message += "; stop the other program or choose another port";
    } else if (ec == net::error::access_denied) {
        error.code = K2S_E_PERMISSION;
        error.message += "; choose a port above 1023 or run with the needed privilege";
    }
    return error;
}

std::expected<std::vector<Address>, error_code> addresses_of(const std::string &host) {
    if (const auto literal = parse_address(host)) {
        return std::vector{*literal};
    }
    net::io_context io;
    net::ip::udp::resolver resolver(io);
    error_code ec;
    std::vector<Address> out;
    for (const auto &entry : resolver.resolve(host, "", ec)) {
        out.push_back(entry.endpoint().address());
    }
    if (ec) {
        return std::unexpected(ec);
    }
    return out;
}

} // namespace

std::expected<UdpListen, Error> open_udp_listen(const EndpointUrl &url, bool shared) {
    UdpListen out{url.text, url.place, {}, {}, {}};
    std::vector<Address> addresses;
    if (!url.host.empty()) { // names are looked up here, not in the place
        auto found = addresses_of(url.host);
        if (!found) {
            return std::unexpected(listen_error(url, found.error()));
        }
        addresses = std::move(*found);
    }
    const auto open = [&]() -> std::expected<void, Error> {
        if (addresses.empty()) {
            auto both = bind_udp_socket({net::ip::address_v6::any(), url.port}, true, shared);
            if (!both && both.error() != net::error::address_in_use &&
                both.error() != net::error::access_denied) {
                both = bind_udp_socket({net::ip::address_v4::any(), url.port}, false, shared);
            }
            if (!both) {
                return std::unexpected(listen_error(url, both.error()));
            }
            out.sockets.push_back(std::move(*both));
        }
        for (const Address &address : addresses) {
            auto socket = bind_udp_socket({address, url.port}, false, shared);
            if (!socket) {
                return std::unexpected(listen_error(url, socket.error()));
            }
            out.sockets.push_back(std::move(*socket));
        }
        return {};
    };
    const auto opened = dataplane::run_in_place(url.place, open);
    if (!opened) {
        return std::unexpected(opened.error());
    }
    out.identity = *opened;
    return out;
}

} // namespace k2s::l4proxy
