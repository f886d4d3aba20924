// SPDX-License-Identifier: MIT
#include "proxy.hpp"

#include <algorithm>
#include <random>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "dataplane/connect.hpp"
#include "session.hpp"

namespace k2s::httpproxy {
namespace {

// Enough for a Via that no other proxy has; the name itself tells what it is.
std::string unique_via_name() {
    static constexpr char k_digits[] = "0123456789abcdef";
    std::random_device random;
    std::string name = "k2s-httpproxy-";
    for (unsigned word = 0; word < 2; ++word) {
        for (uint32_t bits = random(), i = 0; i < 8; ++i, bits >>= 4) {
            name += k_digits[bits & 15];
        }
    }
    return name;
}

Clock::duration shortest_timeout(const Config &config) {
    return std::min({config.header_timeout, config.keep_alive_timeout, config.connect_timeout,
                     config.exchange_idle_timeout, config.tunnel_idle_timeout,
                     config.upstream_idle_timeout});
}

void refuse(Socket &socket, std::string_view answer) {
    error_code ignored;
    socket.write_some(net::buffer(answer), ignored);
    socket.shutdown(Socket::shutdown_send, ignored);
}

constexpr std::string_view k_too_many =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n"
    "Content-Length: 43\r\nRetry-After: 1\r\nConnection: close\r\n\r\n"
    "httpproxy: too many connections, try again\n";
constexpr std::string_view k_too_many_of_yours =
    "HTTP/1.1 429 Too Many Requests\r\nContent-Type: text/plain; charset=utf-8\r\n"
    "Content-Length: 48\r\nRetry-After: 1\r\nConnection: close\r\n\r\n"
    "httpproxy: too many connections from this host.\n";

// Whoever comes by a Unix socket is on this host.
Endpoint client_endpoint(const SocketAddress &peer) {
    const Endpoint from = ip_endpoint(peer);
    return from.address().is_unspecified() ? Endpoint(net::ip::address_v4::loopback(), 0) : from;
}

void admit(const std::shared_ptr<Engine> &engine, std::unique_ptr<PlainStream> client,
           const Endpoint &peer) {
    const Roster::Admission admission = engine->roster->admits(peer.address());
    if (admission != Roster::Admission::admitted) {
        engine->counters->rejected_limits.add();
        refuse(client->socket(),
               admission == Roster::Admission::full ? k_too_many : k_too_many_of_yours);
        return;
    }
    auto session = std::make_shared<Session>(engine, std::move(client), peer);
    net::co_spawn(engine->io.get_executor(), session->run(), net::detached);
}

} // namespace

Address local_address(NativeSocket::Handle connection) noexcept {
    return unmapped(local_endpoint(connection).address());
}

bool Engine::is_own_listener(const Endpoint &remote, NativeSocket::Handle connection) const {
    const Address to = unmapped(remote.address());
    for (const Endpoint &listener : listeners) {
        if (listener.port() != remote.port()) {
            continue;
        }
        const Address at = unmapped(listener.address());
        // A wildcard listener answers on every address of this host: those that a connection has at
        // both ends, and all of 127.0.0.0/8.
        if (at == to ||
            (at.is_unspecified() && (to.is_loopback() || to == local_address(connection)))) {
            return true;
        }
    }
    return false;
}

struct Proxy::Impl {
    explicit Impl(std::shared_ptr<Engine> made)
        : engine(std::move(made)),
          listeners(engine->io, engine->observer,
                    {.accepted =
                         [engine = engine](Socket socket, const SocketAddress &peer,
                                           const ListenAddress &) {
                             admit(engine, std::make_unique<PlainStream>(std::move(socket)),
                                   client_endpoint(peer));
                         },
                     .shortage =
                         [engine = engine] {
                             engine->counters->errors_accept.add();
                             engine->pool.clear();
                         },
                     .accepted_native =
                         [engine = engine](NativeSocket socket, const SocketAddress &peer,
                                           const ListenAddress &) {
                             const int family = peer.protocol().family();
                             admit(engine,
                                   std::make_unique<PlainStream>(engine->io, std::move(socket),
                                                                 family, true),
                                   client_endpoint(peer));
                         }}) {
        apply_settings();
    }

    const std::shared_ptr<Engine> engine;
    ListenerSet listeners;
    bool started = false;

    std::expected<void, Error> listen() {
        auto listening = listeners.set(engine->settings->listen);
        engine->listeners = listeners.endpoints();
        return listening;
    }

    void close_listeners() {
        listeners.close();
        engine->listeners.clear();
        engine->pool.clear();
    }

    void apply_settings() {
        const Config &config = engine->settings->config;
        engine->roster->set_tick(shortest_timeout(config) / 8);
        engine->roster->set_limits({config.max_connections, config.max_connections_per_client});
        engine->resolver.set_hosts(engine->settings->hosts);
        engine->pool.set_limits(config.max_idle_upstream, config.max_idle_upstream_per_target);
    }

    // What the operator should know about this configuration.
    void warn() {
        Observer &observer = *engine->observer;
        const Settings &settings = *engine->settings;
        for (const auto &listener : listeners.listeners()) {
            const std::string address = listener->text();
            observer.on_log(LogLevel::info, "listening", {{"address", address}});
            error_code ignored;
            const Endpoint endpoint = ip_endpoint(listener->acceptor.local_endpoint(ignored));
            if (!listener->address.unix_socket && !unmapped(endpoint.address()).is_loopback() &&
                settings.allowed_clients.empty()) {
                observer.on_log(
                    LogLevel::warn,
                    "listening beyond loopback without any allowed range: every client on another "
                    "address is refused; set allowed-cidr to let networks in",
                    {{"address", address}});
            }
        }
        for (const std::string &item : settings.no_proxy.ignored()) {
            observer.on_log(LogLevel::warn, "ignoring a NO_PROXY item that can never match",
                            {{"item", item}});
        }
        for (const auto &[kind, upstream] : {std::pair{"plain requests", &settings.upstream_plain},
                                             std::pair{"CONNECT", &settings.upstream_connect}}) {
            if (*upstream) {
                observer.on_log(LogLevel::info, "forwarding through an upstream proxy",
                                {{"upstream", (*upstream)->display()}, {"for", kind}});
            }
        }
    }
};

Proxy::Proxy(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

std::expected<std::unique_ptr<Proxy>, Error>
Proxy::create(boost::asio::io_context &io, Config config, std::shared_ptr<Observer> observer) {
    auto settings = Settings::check(std::move(config));
    if (!settings) {
        return std::unexpected(std::move(settings.error()));
    }
    auto engine = std::make_shared<Engine>(io, std::move(*settings), std::move(observer),
                                           std::make_shared<Counters>(), unique_via_name());
    return std::unique_ptr<Proxy>(new Proxy(std::make_unique<Impl>(std::move(engine))));
}

Proxy::~Proxy() {
    stop();
}

std::expected<void, Error> Proxy::start() {
    Impl &self = *impl_;
    if (self.started) {
        return std::unexpected(Error{K2S_E_STATE, "the proxy has already been started"});
    }
    if (auto listening = self.listen(); !listening) {
        return listening;
    }
    self.started = true;
    self.warn();
    self.engine->roster->start([engine = self.engine, &listeners = self.listeners] {
        engine->pool.sweep(Clock::now() - engine->settings->config.upstream_idle_timeout);
        listeners.check_places();
    });
    return {};
}

std::expected<void, Error> Proxy::reload(Config config) {
    Impl &self = *impl_;
    if (!self.started || self.engine->roster->draining()) {
        return std::unexpected(Error{K2S_E_STATE, "the proxy is not running"});
    }
    auto settings = Settings::check(std::move(config));
    if (!settings) {
        return std::unexpected(std::move(settings.error()));
    }
    std::swap(self.engine->settings, *settings);
    if (auto listening = self.listen(); !listening) {
        std::swap(self.engine->settings, *settings);
        return listening;
    }
    self.apply_settings();
    self.warn();
    return {};
}

void Proxy::drain(std::chrono::milliseconds patience, std::function<void(size_t)> done) {
    impl_->close_listeners();
    impl_->engine->roster->drain(patience, std::move(done));
}

void Proxy::stop() {
    impl_->close_listeners();
    impl_->engine->roster->cut_all();
    impl_->engine->relays.stop();
}

std::vector<std::string> Proxy::endpoints() const {
    std::vector<std::string> out;
    for (const auto &listener : impl_->listeners.listeners()) {
        out.push_back(listener->text());
    }
    return out;
}

std::shared_ptr<const Counters> Proxy::stats() const {
    return impl_->engine->counters;
}

} // namespace k2s::httpproxy
