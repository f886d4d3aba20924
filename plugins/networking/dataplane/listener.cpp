// SPDX-License-Identifier: MIT
#include "listener.hpp"

#include <algorithm>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/v6_only.hpp>

#include "address.hpp"
#include "stream.hpp"
#include "text.hpp"

namespace k2s::dataplane {
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

std::expected<ListenAddress, Error> ListenAddress::parse(std::string_view text) {
    const auto bad = [text](std::string_view why) {
        std::string message = "cannot listen on \"" + std::string(text) + "\": ";
        message += why;
        message += "; write host:port, :port or [IPv6]:port, for example 127.0.0.1:8181";
        return std::unexpected(Error{K2S_E_USAGE, std::move(message)});
    };
    ListenAddress address;
    address.text = text;
    const size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) {
        return bad("the port is missing");
    }
    const auto port = parse_decimal<uint16_t>(text.substr(colon + 1));
    if (!port) {
        return bad("the port is no number from 0 to 65535");
    }
    address.port = *port;
    std::string_view host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
        if (!parse_address(host)) {
            return bad("the text in brackets is no IPv6 address");
        }
    } else if (host.find(':') != std::string_view::npos) {
        return bad("an IPv6 address needs brackets");
    }
    address.host = host == "*" ? std::string_view{} : host;
    return address;
}

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

namespace {

using Listeners = std::vector<std::shared_ptr<Listener>>;

std::expected<Listeners, Error> open_all(net::io_context &io,
                                         const std::vector<ListenAddress> &addresses) {
    Listeners opened;
    for (const ListenAddress &address : addresses) {
        auto some = open_listener(io, address);
        if (!some) {
            return std::unexpected(std::move(some.error()));
        }
        opened.insert(opened.end(), some->begin(), some->end());
    }
    return opened;
}

void close_all(const Listeners &listeners) noexcept {
    for (const auto &listener : listeners) {
        error_code ignored;
        listener->acceptor.close(ignored);
    }
}

} // namespace

struct ListenerSet::Shared {
    net::io_context &io;
    std::shared_ptr<Observer> observer;
    Callbacks callbacks;
};

ListenerSet::ListenerSet(net::io_context &io, std::shared_ptr<Observer> observer,
                         Callbacks callbacks)
    : shared_(std::make_shared<Shared>(Shared{io, std::move(observer), std::move(callbacks)})) {}

void ListenerSet::close() noexcept {
    close_all(listeners_);
    listeners_.clear();
}

std::expected<void, Error> ListenerSet::set(const std::vector<ListenAddress> &addresses) {
    const auto has = [](const auto &list, const auto &text, auto text_of_item) {
        return std::any_of(list.begin(), list.end(),
                           [&](const auto &item) { return text_of_item(item) == text; });
    };
    Listeners staying;
    Listeners leaving;
    std::vector<ListenAddress> left; // the addresses of `leaving`
    for (const auto &listener : listeners_) {
        const std::string &text = listener->address.text;
        if (has(addresses, text, [](const auto &item) { return item.text; })) {
            staying.push_back(listener);
            continue;
        }
        leaving.push_back(listener);
        if (!has(left, text, [](const auto &item) { return item.text; })) {
            left.push_back(listener->address);
        }
    }
    std::vector<ListenAddress> wanted;
    for (const ListenAddress &address : addresses) {
        if (!has(staying, address.text, [](const auto &item) { return item->address.text; })) {
            wanted.push_back(address);
        }
    }
    auto opened = open_all(shared_->io, wanted);
    if (!opened && opened.error().code == K2S_E_BUSY && !leaving.empty()) {
        // One of our own may hold the port (127.0.0.1:80 becomes :80). What waits in its backlog is
        // lost; accepted connections are not touched.
        close_all(leaving);
        opened = open_all(shared_->io, wanted);
        if (!opened) {
            listeners_ = staying;
            if (const auto restored = open_all(shared_->io, left)) {
                serve(*restored);
            }
        }
    }
    if (!opened) {
        return std::unexpected(std::move(opened.error()));
    }
    close_all(leaving);
    listeners_ = std::move(staying);
    serve(*opened);
    return {};
}

void ListenerSet::serve(const Listeners &opened) {
    for (const auto &listener : opened) {
        listeners_.push_back(listener);
        net::co_spawn(shared_->io.get_executor(), accept_loop(shared_, listener), net::detached);
    }
}

Task<void> ListenerSet::accept_loop(std::shared_ptr<Shared> shared,
                                    std::shared_ptr<Listener> listener) {
    Timer pause(shared->io);
    while (listener->acceptor.is_open()) {
        Socket socket(shared->io);
        SocketAddress peer;
        const auto [ec] = co_await listener->acceptor.async_accept(socket, peer, k_await);
        if (!listener->acceptor.is_open()) {
            co_return;
        }
        if (ec == net::error::connection_aborted) {
            continue;
        }
        if (ec) {
            // Let clients wait in the backlog for a moment instead of spinning.
            shared->observer->on_log(
                LogLevel::error, "cannot accept a connection",
                {{"address", listener->address.text}, {"error", ec.message()}});
            shared->callbacks.shortage();
            pause.expires_after(Milliseconds(100));
            co_await pause.async_wait(k_await);
            continue;
        }
        prepare_socket(socket);
        error_code ignored;
        socket.set_option(net::socket_base::keep_alive(true), ignored);
        shared->callbacks.accepted(std::move(socket), peer, listener->address);
    }
}

std::vector<Endpoint> ListenerSet::endpoints() const {
    std::vector<Endpoint> out;
    for (const auto &listener : listeners_) {
        error_code ignored;
        out.push_back(ip_endpoint(listener->acceptor.local_endpoint(ignored)));
    }
    return out;
}

std::string text_of(const Endpoint &endpoint) {
    const bool v6 = endpoint.address().is_v6();
    const std::string address = endpoint.address().to_string();
    return (v6 ? "[" + address + "]" : address) + ":" + std::to_string(endpoint.port());
}

} // namespace k2s::dataplane
