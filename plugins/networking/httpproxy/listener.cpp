// SPDX-License-Identifier: MIT
#include "listener.hpp"

#include <boost/asio/ip/v6_only.hpp>

#include "address.hpp"

namespace k2s::httpproxy {
namespace {

constexpr int k_backlog = 1024;

error_code open_one(Acceptor &acceptor, const Endpoint &endpoint, bool dual_stack) {
    error_code ec;
    acceptor.open(endpoint.protocol(), ec);
    if (ec) {
        return ec;
    }
    set_listener_options(acceptor);
    if (endpoint.protocol() == Tcp::v6()) {
        acceptor.set_option(net::ip::v6_only(!dual_stack), ec);
        if (ec) {
            return ec;
        }
    }
    acceptor.bind(endpoint, ec);
    if (!ec) {
        acceptor.listen(k_backlog, ec);
    }
    return ec;
}

Error listen_error(const ListenAddress &address, const error_code &ec) {
    Error error{K2S_E_IO, "cannot listen on \"" + address.text + "\": " + ec.message()};
    if (ec == net::error::address_in_use) {
        error.code = K2S_E_BUSY;
        error.message += "; stop the other program or choose another port";
    } else if (ec == net::error::access_denied) {
        error.code = K2S_E_PERMISSION;
        error.message += "; choose a port above 1023 or run with the needed privilege";
    }
    return error;
}

} // namespace

std::expected<std::vector<std::shared_ptr<Listener>>, Error>
open_listener(net::io_context &io, const ListenAddress &address) {
    std::vector<Address> addresses;
    error_code ec;
    if (address.host.empty()) {
        auto both = std::make_shared<Listener>(Listener{address, Acceptor(io)});
        ec = open_one(both->acceptor, Endpoint(net::ip::address_v6::any(), address.port), true);
        if (!ec) {
            return std::vector{std::move(both)};
        }
        if (ec == net::error::address_in_use || ec == net::error::access_denied) {
            return std::unexpected(listen_error(address, ec));
        }
        addresses.push_back(net::ip::address_v4::any());
    } else if (const auto literal = parse_address(address.host)) {
        addresses.push_back(*literal);
    } else {
        net::ip::basic_resolver<Tcp, Executor> resolver(io);
        for (const auto &entry : resolver.resolve(address.host, "", ec)) {
            addresses.push_back(entry.endpoint().address());
        }
        if (ec) {
            return std::unexpected(listen_error(address, ec));
        }
    }
    std::vector<std::shared_ptr<Listener>> out;
    for (const Address &each : addresses) {
        auto listener = std::make_shared<Listener>(Listener{address, Acceptor(io)});
        ec = open_one(listener->acceptor, Endpoint(each, address.port), false);
        if (ec) {
            return std::unexpected(listen_error(address, ec));
        }
        out.push_back(std::move(listener));
    }
    return out;
}

} // namespace k2s::httpproxy
