// SPDX-License-Identifier: MIT
#include "listener.hpp"

#include <algorithm>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/v6_only.hpp>

#include "activation.hpp"
#include "common/address.hpp"
#include "common/text.hpp"
#include "stream.hpp"

namespace k2s::dataplane {
namespace {

constexpr int k_backlog = 1024;
constexpr Milliseconds k_shortage_pause(50);
constexpr unsigned k_accepted_at_once = 64;
constexpr std::string_view k_unix = "unix://";
constexpr std::string_view k_systemd = "systemd:";

error_code open_one(Acceptor &acceptor, const Endpoint &endpoint, bool dual_stack, bool shared) {
    error_code ec;
    acceptor.open(endpoint.protocol(), ec);
    if (!ec) {
        ec = set_listener_options(acceptor, shared);
    }
    if (ec) {
        return ec;
    }
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
        error.message += address.unix_socket
                             ? "; choose a folder that this user may write to"
                             : "; choose a port above 1023 or run with the needed privilege";
    } else if (ec == boost::system::errc::file_exists) {
        error.code = K2S_E_EXISTS;
        error.message += ", and is no socket; choose another path";
    }
    return error;
}

using Listeners = std::vector<std::shared_ptr<Listener>>;
using Opened = std::expected<Listeners, Error>;

Opened open_unix(net::io_context &io, const ListenAddress &address) {
    auto listener = std::make_shared<Listener>(Listener{address, Acceptor(io)});
    error_code ec;
    listener->acceptor.open(address.unix_socket->endpoint().protocol(), ec);
    if (!ec) {
        auto bound = bind_unix(listener->acceptor, *address.unix_socket);
        if (bound) {
            listener->file = std::move(*bound);
            listener->acceptor.listen(k_backlog, ec);
        } else {
            ec = bound.error();
        }
    }
    if (ec) {
        return std::unexpected(listen_error(address, ec));
    }
    return Listeners{std::move(listener)};
}

Opened open_activated(net::io_context &io, const ListenAddress &address) {
    auto passed = inherited_listeners(io, *address.activated);
    if (!passed) {
        return std::unexpected(
            Error{K2S_E_NOT_FOUND, "cannot listen on \"" + address.text + "\": " + passed.error()});
    }
    Listeners out;
    for (Acceptor &acceptor : *passed) {
        out.push_back(std::make_shared<Listener>(Listener{address, std::move(acceptor)}));
    }
    return out;
}

// `addresses` are the host's; none means every address. In the place of the calling thread.
Opened open_tcp(net::io_context &io, const ListenAddress &address, std::vector<Address> addresses) {
    error_code ec;
    if (addresses.empty()) {
        auto both = std::make_shared<Listener>(Listener{address, Acceptor(io)});
        ec = open_one(both->acceptor, Endpoint(net::ip::address_v6::any(), address.port), true,
                      address.shared);
        if (!ec) {
            return Listeners{std::move(both)};
        }
        if (ec == net::error::address_in_use || ec == net::error::access_denied) {
            return std::unexpected(listen_error(address, ec));
        }
        addresses.push_back(net::ip::address_v4::any());
    }
    Listeners out;
    for (const Address &each : addresses) {
        auto listener = std::make_shared<Listener>(Listener{address, Acceptor(io)});
        ec = open_one(listener->acceptor, Endpoint(each, address.port), false, address.shared);
        if (ec) {
            return std::unexpected(listen_error(address, ec));
        }
        out.push_back(std::move(listener));
    }
    return out;
}

} // namespace

std::expected<ListenAddress, Error> ListenAddress::parse(std::string_view text) {
    const auto bad = [whole = text](std::string_view why) {
        std::string message = "cannot listen on \"" + std::string(whole) + "\": ";
        message += why;
        message += "; write host:port, :port or [IPv6]:port, for example 127.0.0.1:8181";
        return std::unexpected(Error{K2S_E_USAGE, std::move(message)});
    };
    ListenAddress address;
    address.text = text;
    if (text.starts_with(k_systemd)) {
        address.activated = text.substr(k_systemd.size());
        return address;
    }
    const bool unix_socket = text.starts_with(k_unix);
    if (unix_socket) {
        text.remove_prefix(k_unix.size());
    }
    auto place = NetworkPlace::take_from(text);
    if (!place) {
        return std::unexpected(Error{place.error().code, "cannot listen on \"" + address.text +
                                                             "\": " + place.error().message});
    }
    address.place = std::move(*place);
    if (unix_socket) {
        auto parsed = UnixAddress::parse(text);
        if (!parsed) {
            return std::unexpected(
                Error{K2S_E_USAGE, "cannot listen on \"" + address.text + "\": " + parsed.error()});
        }
        address.unix_socket = std::move(*parsed);
        return address;
    }
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
    if (address.activated) {
        return open_activated(io, address);
    }
    std::vector<Address> addresses;
    if (const auto literal = parse_address(address.host)) {
        addresses.push_back(*literal);
    } else if (!address.host.empty()) {
        error_code ec;
        net::ip::basic_resolver<Tcp, Executor> resolver(io);
        for (const auto &entry : resolver.resolve(address.host, "", ec)) {
            addresses.push_back(entry.endpoint().address());
        }
        if (ec) {
            return std::unexpected(listen_error(address, ec));
        }
    }
    Listeners out;
    const auto entered = run_in_place(address.place, [&]() -> std::expected<void, Error> {
        auto opened = address.unix_socket ? open_unix(io, address)
                                          : open_tcp(io, address, std::move(addresses));
        if (!opened) {
            return std::unexpected(std::move(opened.error()));
        }
        out = std::move(*opened);
        return {};
    });
    if (!entered) {
        Error error = entered.error();
        if (!error.message.starts_with("cannot listen")) {
            error.message = "cannot listen on \"" + address.text + "\": " + error.message;
        }
        return std::unexpected(std::move(error));
    }
    for (const auto &listener : out) {
        listener->identity = *entered;
    }
    return out;
}

namespace {

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
        listener->close();
    }
}

bool out_of_descriptors(const error_code &ec) {
    return ec == net::error::no_descriptors ||
           ec == boost::system::errc::too_many_files_open_in_system;
}

} // namespace

struct ListenerSet::Shared {
    Shared(net::io_context &context, std::shared_ptr<Observer> watcher, Callbacks given)
        : io(context), observer(std::move(watcher)), callbacks(std::move(given)) {}

    net::io_context &io;
    std::shared_ptr<Observer> observer;
    Callbacks callbacks;
    SpareDescriptor spare;
    Clock::time_point told; // of the last shortage

    void short_of(Listener &listener, const error_code &ec);
};

void ListenerSet::Shared::short_of(Listener &listener, const error_code &ec) {
    if (const auto now = Clock::now(); now - told > std::chrono::seconds(1)) {
        told = now;
        observer->on_log(LogLevel::error, "cannot accept a connection",
                         {{"address", listener.address.text}, {"error", ec.message()}});
    }
    callbacks.shortage();
    // Those who wait now are told, those who come meanwhile wait in the backlog.
    if (out_of_descriptors(ec)) {
        const size_t count = spare.turn_away(listener.acceptor);
        if (callbacks.turned_away) {
            callbacks.turned_away(count);
        }
    }
}

ListenerSet::ListenerSet(net::io_context &io, std::shared_ptr<Observer> observer,
                         Callbacks callbacks)
    : shared_(std::make_shared<Shared>(io, std::move(observer), std::move(callbacks))) {}

void ListenerSet::close() noexcept {
    close_all(listeners_);
    listeners_.clear();
    lost_.clear();
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
        // What is lost is opened again when its place is back; it may not hold up the others.
        if (!has(staying, address.text, [](const auto &item) { return item->address.text; }) &&
            !has(lost_, address.text, [](const auto &item) { return item.address.text; })) {
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
    std::erase_if(lost_, [&](const Lost &lost) {
        return !has(addresses, lost.address.text, [](const auto &item) { return item.text; });
    });
    serve(*opened);
    return {};
}

void ListenerSet::lose(const ListenAddress &address, const std::string &reason) {
    shared_->observer->on_log(LogLevel::error, "no longer listening",
                              {{"address", address.text}, {"error", reason}});
    lost_.push_back({address, reason});
    std::erase_if(listeners_, [&](const auto &listener) {
        const bool leaves = listener->address.text == address.text;
        if (leaves) {
            listener->close();
        }
        return leaves;
    });
}

void ListenerSet::check_places() {
    for (size_t i = 0; i < listeners_.size();) {
        const auto listener = listeners_[i];
        const auto identity = identify(listener->address.place);
        if (identity && *identity == listener->identity) {
            ++i;
            continue;
        }
        lose(listener->address,
             identity ? "the network namespace has been replaced" : identity.error().message);
        i = 0;
    }
    std::erase_if(lost_, [this](Lost &lost) {
        const auto there = identify(lost.address.place);
        const auto opened = there ? open_listener(shared_->io, lost.address)
                                  : Opened(std::unexpected(there.error()));
        if (!opened) {
            if (there && opened.error().message != lost.reason) {
                lost.reason = opened.error().message;
                shared_->observer->on_log(LogLevel::error, lost.reason, {});
            }
            return false;
        }
        shared_->observer->on_log(LogLevel::info, "listening again",
                                  {{"address", lost.address.text}});
        serve(*opened);
        return true;
    });
}

void ListenerSet::serve(const Listeners &opened) {
    for (const auto &listener : opened) {
        listeners_.push_back(listener);
        net::co_spawn(shared_->io.get_executor(),
                      k_native_accept && shared_->callbacks.accepted_native
                          ? native_accept_loop(shared_, listener)
                          : accept_loop(shared_, listener),
                      net::detached);
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
            shared->short_of(*listener, ec);
            pause.expires_after(k_shortage_pause);
            co_await pause.async_wait(k_await);
            continue;
        }
        prepare_accepted(socket);
        shared->callbacks.accepted(std::move(socket), peer, listener->address);
    }
}

Task<void> ListenerSet::native_accept_loop(std::shared_ptr<Shared> shared,
                                           std::shared_ptr<Listener> listener) {
    Timer pause(shared->io);
    while (listener->acceptor.is_open()) {
        co_await listener->acceptor.async_wait(Acceptor::wait_read, k_await);
        for (unsigned i = 0; i < k_accepted_at_once && listener->acceptor.is_open(); ++i) {
            SocketAddress peer;
            auto client = accept_native(listener->acceptor, peer);
            if (client) {
                shared->callbacks.accepted_native(std::move(*client), peer, listener->address);
                continue;
            }
            const error_code ec = client.error();
            if (ec == net::error::connection_aborted) {
                continue;
            }
            if (ec != net::error::would_block && ec != net::error::try_again) {
                shared->short_of(*listener, ec);
                pause.expires_after(k_shortage_pause);
                co_await pause.async_wait(k_await);
            }
            break;
        }
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

std::string Listener::text() const {
    if (address.unix_socket) {
        return "unix://" + address.place.text() + address.unix_socket->path;
    }
    error_code ignored;
    return address.place.text() + text_of(ip_endpoint(acceptor.local_endpoint(ignored)));
}

std::string text_of(const Endpoint &endpoint) {
    const bool v6 = endpoint.address().is_v6();
    const std::string address = endpoint.address().to_string();
    return (v6 ? "[" + address + "]" : address) + ":" + std::to_string(endpoint.port());
}

} // namespace k2s::dataplane
