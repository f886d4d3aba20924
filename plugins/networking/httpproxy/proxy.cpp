// SPDX-License-Identifier: MIT
#include "proxy.hpp"

#include <algorithm>
#include <random>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "listener.hpp"
#include "session.hpp"

namespace k2s::httpproxy {
namespace {

using Listeners = std::vector<std::shared_ptr<Listener>>;

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

Clock::duration tick_for(const Config &config) {
    const auto shortest = std::min({config.header_timeout, config.keep_alive_timeout,
                                    config.connect_timeout, config.exchange_idle_timeout,
                                    config.tunnel_idle_timeout, config.upstream_idle_timeout});
    return std::clamp<Clock::duration>(shortest / 8, Milliseconds(5), std::chrono::seconds(1));
}

void refuse(Socket &socket, std::string_view answer) {
    error_code ignored;
    socket.non_blocking(true, ignored);
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

Task<void> accept_loop(std::shared_ptr<Engine> engine, std::shared_ptr<Listener> listener) {
    Timer pause(engine->io);
    while (listener->acceptor.is_open()) {
        Socket socket(engine->io);
        Endpoint peer;
        const auto [ec] = co_await listener->acceptor.async_accept(socket, peer, k_await);
        if (!listener->acceptor.is_open()) {
            co_return;
        }
        if (ec == net::error::connection_aborted) {
            continue;
        }
        if (ec) {
            // Out of descriptors or memory: give back what is only kept for later, and let clients
            // wait in the backlog for a moment instead of spinning.
            engine->counters->errors_accept.add();
            engine->observer->on_log(LogLevel::error, "cannot accept a connection",
                                     {{"address", listener->address.text},
                                      {"error", ec.message()}});
            engine->pool.clear();
            pause.expires_after(Milliseconds(100));
            co_await pause.async_wait(k_await);
            continue;
        }
        const Config &config = engine->settings->config;
        if (engine->sessions.size() >= config.max_connections) {
            engine->counters->rejected_limits.add();
            refuse(socket, k_too_many);
            continue;
        }
        const auto mine = engine->per_client.find(unmapped(peer.address()).to_string());
        if (mine != engine->per_client.end() && mine->second >= config.max_connections_per_client) {
            engine->counters->rejected_limits.add();
            refuse(socket, k_too_many_of_yours);
            continue;
        }
        prepare_socket(socket);
        error_code ignored;
        socket.set_option(net::socket_base::keep_alive(true), ignored);
        auto session = std::make_shared<Session>(engine, std::move(socket), peer);
        net::co_spawn(engine->io.get_executor(), session->run(), net::detached);
    }
}

// Deadlines of sessions and of pooled connections.
Task<void> tick_loop(std::shared_ptr<Engine> engine, std::shared_ptr<Timer> timer) {
    for (;;) {
        timer->expires_after(engine->clock.tick);
        const auto [ec] = co_await timer->async_wait(k_await);
        if (ec) {
            co_return;
        }
        engine->clock.now = Clock::now();
        for (Session *session : engine->sessions) {
            session->watchdog().check(engine->clock.now);
        }
        engine->pool.sweep(engine->clock.now - engine->settings->config.upstream_idle_timeout);
    }
}

void cut_all(Engine &engine) {
    for (Session *session : engine.sessions) {
        session->watchdog().cut_now();
    }
    engine.pool.clear();
}

Task<void> drain_loop(std::shared_ptr<Engine> engine, Milliseconds patience,
                      std::function<void(size_t)> done) {
    const auto deadline = Clock::now() + patience;
    Timer timer(engine->io);
    while (!engine->sessions.empty() && Clock::now() < deadline) {
        for (Session *session : engine->sessions) {
            if (session->idle()) {
                session->watchdog().cut_now();
            }
        }
        timer.expires_after(Milliseconds(10));
        co_await timer.async_wait(k_await);
    }
    const size_t cut = engine->sessions.size();
    cut_all(*engine);
    while (!engine->sessions.empty() && Clock::now() < deadline + std::chrono::seconds(2)) {
        timer.expires_after(Milliseconds(5));
        co_await timer.async_wait(k_await);
    }
    done(cut);
}

std::string text_of(const Endpoint &endpoint) {
    const bool v6 = endpoint.address().is_v6();
    const std::string address = endpoint.address().to_string();
    return (v6 ? "[" + address + "]" : address) + ":" + std::to_string(endpoint.port());
}

} // namespace

bool Engine::is_own_listener(const Endpoint &remote, const Endpoint &local) const {
    const Address to = unmapped(remote.address());
    for (const Endpoint &listener : listeners) {
        if (listener.port() != remote.port()) {
            continue;
        }
        const Address at = unmapped(listener.address());
        // A wildcard listener answers on every address of this host: those that a connection has at
        // both ends, and all of 127.0.0.0/8.
        const bool own_address = to == unmapped(local.address()) || to.is_loopback();
        if (at == to || (at.is_unspecified() && own_address)) {
            return true;
        }
    }
    return false;
}

struct Proxy::Impl {
    std::shared_ptr<Engine> engine;
    Listeners listeners;
    std::shared_ptr<Timer> ticker;
    bool started = false;

    void note_listeners() {
        engine->listeners.clear();
        for (const auto &listener : listeners) {
            error_code ignored;
            engine->listeners.push_back(listener->acceptor.local_endpoint(ignored));
        }
    }

    void accept_on(const std::shared_ptr<Listener> &listener) {
        net::co_spawn(engine->io.get_executor(), accept_loop(engine, listener), net::detached);
    }

    void apply_settings() {
        engine->clock.now = Clock::now();
        engine->clock.tick = tick_for(engine->settings->config);
        engine->resolver.set_hosts(engine->settings->hosts);
        engine->pool.set_limits(engine->settings->config.max_idle_upstream,
                                engine->settings->config.max_idle_upstream_per_target);
    }

    void close_listeners() {
        for (const auto &listener : listeners) {
            error_code ignored;
            listener->acceptor.close(ignored);
        }
        listeners.clear();
        engine->listeners.clear();
    }

    // What the operator should know about this configuration.
    void warn() {
        Observer &observer = *engine->observer;
        const Settings &settings = *engine->settings;
        for (const Endpoint &endpoint : engine->listeners) {
            observer.on_log(LogLevel::info, "listening", {{"address", text_of(endpoint)}});
            if (!unmapped(endpoint.address()).is_loopback() && settings.allowed_clients.empty()) {
                observer.on_log(
                    LogLevel::warn,
                    "listening beyond loopback without any allowed range: every client on another "
                    "address is refused; set allowed-cidr to let networks in",
                    {{"address", text_of(endpoint)}});
            }
        }
        for (const std::string &item : settings.no_proxy.ignored()) {
            observer.on_log(LogLevel::warn, "ignoring a NO_PROXY item that can never match",
                            {{"item", item}});
        }
        for (const auto &[kind, upstream] :
             {std::pair{"plain requests", &settings.upstream_plain},
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
    auto impl = std::make_unique<Impl>();
    impl->engine = std::make_shared<Engine>(io, std::move(*settings), std::move(observer),
                                            std::make_shared<Counters>(), unique_via_name());
    impl->ticker = std::make_shared<Timer>(io);
    impl->apply_settings();
    return std::unique_ptr<Proxy>(new Proxy(std::move(impl)));
}

Proxy::~Proxy() { stop(); }

std::expected<void, Error> Proxy::start() {
    Impl &self = *impl_;
    if (self.started) {
        return std::unexpected(Error{K2S_E_STATE, "the proxy has already been started"});
    }
    Listeners opened;
    for (const ListenAddress &address : self.engine->settings->listen) {
        auto listeners = open_listener(self.engine->io, address);
        if (!listeners) {
            return std::unexpected(std::move(listeners.error()));
        }
        opened.insert(opened.end(), listeners->begin(), listeners->end());
    }
    self.started = true;
    self.listeners = std::move(opened);
    self.note_listeners();
    self.warn();
    for (const auto &listener : self.listeners) {
        self.accept_on(listener);
    }
    net::co_spawn(self.engine->io.get_executor(), tick_loop(self.engine, self.ticker),
                  net::detached);
    return {};
}

std::expected<void, Error> Proxy::reload(Config config) {
    Impl &self = *impl_;
    if (!self.started || self.engine->draining) {
        return std::unexpected(Error{K2S_E_STATE, "the proxy is not running"});
    }
    auto settings = Settings::check(std::move(config));
    if (!settings) {
        return std::unexpected(std::move(settings.error()));
    }
    Listeners kept;
    Listeners added;
    for (const ListenAddress &address : (*settings)->listen) {
        const size_t before = kept.size();
        for (const auto &listener : self.listeners) {
            if (listener->address.text == address.text) {
                kept.push_back(listener);
            }
        }
        if (kept.size() != before) {
            continue;
        }
        auto opened = open_listener(self.engine->io, address);
        if (!opened) {
            return std::unexpected(std::move(opened.error()));
        }
        added.insert(added.end(), opened->begin(), opened->end());
    }
    for (const auto &listener : self.listeners) {
        if (std::find(kept.begin(), kept.end(), listener) == kept.end()) {
            error_code ignored;
            listener->acceptor.close(ignored);
        }
    }
    self.listeners = std::move(kept);
    self.listeners.insert(self.listeners.end(), added.begin(), added.end());
    self.note_listeners();
    self.engine->settings = std::move(*settings);
    self.apply_settings();
    self.warn();
    for (const auto &listener : added) {
        self.accept_on(listener);
    }
    return {};
}

void Proxy::drain(std::chrono::milliseconds patience, std::function<void(size_t)> done) {
    impl_->engine->draining = true;
    impl_->close_listeners();
    impl_->engine->pool.clear();
    net::co_spawn(impl_->engine->io.get_executor(),
                  drain_loop(impl_->engine, patience, std::move(done)), net::detached);
}

void Proxy::stop() {
    impl_->close_listeners();
    impl_->ticker->cancel();
    impl_->engine->draining = true;
    cut_all(*impl_->engine);
}

std::vector<std::string> Proxy::endpoints() const {
    std::vector<std::string> out;
    for (const Endpoint &endpoint : impl_->engine->listeners) {
        out.push_back(text_of(endpoint));
    }
    return out;
}

std::shared_ptr<const Counters> Proxy::stats() const { return impl_->engine->counters; }

} // namespace k2s::httpproxy
