// SPDX-License-Identifier: MIT
#include "proxy.hpp"

#include <algorithm>
#include <map>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "session.hpp"

namespace k2s::l4proxy {
namespace {

using dataplane::ListenerSet;
using dataplane::Timer;

constexpr auto k_housekeeping = std::chrono::seconds(1);

void admit(const std::shared_ptr<Forward> &forward, NativeSocket native, Socket socket,
           const SocketAddress &peer) {
    const Endpoint from = dataplane::ip_endpoint(peer);
    const Address client = from.address();
    if (forward->engine->is_loop(from)) {
        return;
    }
    if (forward->roster->admits(client) != Roster::Admission::admitted) {
        forward->counters.rejected_limits.add();
        return;
    }
    std::make_shared<Session>(forward, std::move(native), std::move(socket), client, peer)->start();
}

} // namespace

struct Proxy::Impl : std::enable_shared_from_this<Proxy::Impl> {
    Impl(std::shared_ptr<Engine> made, std::shared_ptr<const Settings> checked)
        : engine(std::move(made)), settings(std::move(checked)),
          listeners(
              engine->io, engine->observer,
              {.accepted =
                   [this](Socket socket, const SocketAddress &peer, const ListenAddress &at) {
                       serve(NativeSocket(), std::move(socket), peer, at);
                   },
               .shortage = [this] { engine->stock.clear(); },
               .turned_away = [this](size_t count) { engine->turned_away.add(count); },
               .accepted_native =
                   [this](NativeSocket socket, const SocketAddress &peer, const ListenAddress &at) {
                       serve(std::move(socket), Socket(engine->io), peer, at);
                   }}),
          ticker(engine->io) {}

    void serve(NativeSocket native, Socket socket, const SocketAddress &peer,
               const ListenAddress &at) {
        if (const auto found = by_address.find(at.text); found != by_address.end()) {
            admit(found->second, std::move(native), std::move(socket), peer);
        }
    }

    using Forwards = std::map<std::string, std::shared_ptr<Forward>>;

    std::vector<ListenAddress> addresses_of(const Settings &of) const {
        std::vector<ListenAddress> out;
        for (const auto &forward : of.forwards) {
            for (const EndpointUrl &url : forward->listen) {
                if (!url.datagrams()) {
                    out.push_back(url.listen_address());
                    out.back().shared = of.workers > 1;
                }
            }
        }
        return out;
    }

    // The UDP sockets of one forward that are new.
    struct UdpChange {
        std::vector<std::string> kept;
        std::vector<UdpListen> added;
        std::vector<std::string> moved; // from other forwards
    };
    using UdpChanges = std::map<std::string, UdpChange>; // by the forward's name

    // The forward that has an address now and not any more in `next`.
    std::shared_ptr<Forward> udp_leaver(const std::string &text, const Settings &next) const {
        for (const auto &forward : all()) {
            if (!forward->udp) {
                continue;
            }
            const auto has = forward->udp->listening();
            const bool stays =
                std::any_of(next.forwards.begin(), next.forwards.end(), [&](const auto &each) {
                    return each->config.name == forward->name() && each->datagrams &&
                           std::any_of(each->listen.begin(), each->listen.end(),
                                       [&](const auto &url) { return url.text == text; });
                });
            if (!stays && std::find(has.begin(), has.end(), text) != has.end()) {
                return forward;
            }
        }
        return nullptr;
    }

    std::expected<UdpChanges, Error> open_udp(const Settings &next) const {
        UdpChanges changes;
        for (const auto &each : next.forwards) {
            if (!each->datagrams) {
                continue;
            }
            UdpChange &change = changes[each->config.name];
            const auto before = forwards.find(each->config.name);
            const auto has = before != forwards.end() && before->second->udp
                                 ? before->second->udp->listening()
                                 : std::vector<std::string>();
            for (const EndpointUrl &url : each->listen) {
                if (std::find(has.begin(), has.end(), url.text) != has.end()) {
                    change.kept.push_back(url.text);
                    continue;
                }
                if (before != forwards.end() && before->second->has_lost(url.text)) {
                    continue; // it may not hold up the others
                }
                if (udp_leaver(url.text, next)) {
                    change.moved.push_back(url.text);
                    continue;
                }
                auto opened = open_udp_listen(url, next.workers > 1);
                if (!opened) {
                    return std::unexpected(std::move(opened.error()));
                }
                change.added.push_back(std::move(*opened));
            }
        }
        return changes;
    }

    std::expected<void, Error> take_over(std::shared_ptr<const Settings> checked) {
        auto udp = open_udp(*checked);
        if (!udp) {
            return std::unexpected(std::move(udp.error()));
        }
        if (auto listening = listeners.set(addresses_of(*checked)); !listening) {
            return listening;
        }
        for (auto &[name, change] : *udp) { // from here on nothing can fail
            for (const std::string &text : change.moved) {
                change.added.push_back(udp_leaver(text, *checked)->udp->release(text));
            }
        }
        settings = std::move(checked);
        engine->resolver.set_hosts(settings->hosts);
        Forwards next;
        by_address.clear();
        for (const auto &each : settings->forwards) {
            auto &forward = next[each->config.name];
            const auto before = forwards.find(each->config.name);
            if (before != forwards.end() &&
                before->second->settings->datagrams == each->datagrams) {
                forward = before->second;
                forward->apply(each);
            } else {
                forward = Forward::make(engine, each);
            }
            if (forward->udp) {
                UdpChange &change = (*udp)[each->config.name];
                if (auto listening = forward->udp->listen(change.kept, std::move(change.added));
                    !listening) {
                    engine->observer->on_log(LogLevel::error, listening.error().message,
                                             {{"forward", forward->name()}});
                }
            }
            for (const EndpointUrl &url : each->listen) {
                by_address[url.text] = forward;
            }
        }
        for (const auto &[name, forward] : forwards) {
            if (const auto found = next.find(name);
                found == next.end() || found->second != forward) {
                forward->retire();
                retired.push_back(forward);
            }
        }
        forwards = std::move(next);
        note_listeners();
        return {};
    }

    void note_listeners() {
        engine->listeners.clear();
        for (const auto &listener : listeners.listeners()) {
            if (!listener->address.unix_socket) {
                error_code ignored;
                engine->listeners.push_back(
                    {listener->address.place,
                     dataplane::ip_endpoint(listener->acceptor.local_endpoint(ignored))});
            }
        }
        engine->udp_listeners.clear();
        for (const auto &[name, forward] : forwards) {
            if (forward->udp) {
                for (const UdpTarget &at : forward->udp->own()) {
                    engine->udp_listeners.push_back(
                        {at.place, Endpoint(at.endpoint.address(), at.endpoint.port())});
                }
            }
        }
    }

    void close_listeners() {
        listeners.close();
        engine->listeners.clear();
        engine->udp_listeners.clear();
        by_address.clear();
    }

    std::vector<std::shared_ptr<Forward>> all() const {
        std::vector<std::shared_ptr<Forward>> out = retired;
        for (const auto &[name, forward] : forwards) {
            out.push_back(forward);
        }
        return out;
    }

    void stop() {
        stopped = true;
        close_listeners();
        ticker.cancel();
        engine->stock.clear();
        for (const auto &forward : all()) {
            forward->cut();
        }
        engine->relays.stop();
    }

    Task<void> housekeeping() {
        const auto self = shared_from_this();
        while (!stopped) {
            ticker.expires_after(k_housekeeping);
            co_await ticker.async_wait(dataplane::k_await);
            if (stopped) {
                break;
            }
            listeners.check_places();
            for (const auto &[name, forward] : forwards) {
                if (forward->udp) {
                    forward->check_places(settings->workers > 1);
                }
            }
            note_listeners();
            engine->stock.sweep();
            engine->stocked.add(engine->stock.size() - engine->stocked.get());
            for (const auto &forward : all()) {
                forward->tick();
            }
            std::erase_if(retired, [](const auto &forward) {
                const bool over = forward->over();
                if (over) {
                    forward->cut(); // ends its ticking
                }
                return over;
            });
        }
    }

    void tell() const {
        if (forwards.empty()) {
            engine->observer->on_log(
                LogLevel::info,
                "nothing to forward: give --listen and --to, or forwards in the configuration", {});
        }
        for (const auto &listener : listeners.listeners()) {
            const auto found = by_address.find(listener->address.text);
            engine->observer->on_log(
                LogLevel::info, "listening",
                {{"address", listener->text()}, {"forward", found->second->name()}});
        }
    }

    const std::shared_ptr<Engine> engine;
    std::shared_ptr<const Settings> settings;
    Forwards forwards;
    std::vector<std::shared_ptr<Forward>> retired; // no longer configured, connections left
    std::map<std::string, std::shared_ptr<Forward>> by_address; // by ListenAddress::text
    ListenerSet listeners;
    Timer ticker;
    bool started = false;
    bool draining = false;
    bool stopped = false;
};

Proxy::Proxy(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

std::expected<std::unique_ptr<Proxy>, Error>
Proxy::create(boost::asio::io_context &io, Config config, std::shared_ptr<Observer> observer) {
    auto settings = Settings::check(std::move(config));
    if (!settings) {
        return std::unexpected(std::move(settings.error()));
    }
    auto engine = std::make_shared<Engine>(io, std::move(observer));
    return std::unique_ptr<Proxy>(
        new Proxy(std::make_shared<Impl>(std::move(engine), std::move(*settings))));
}

Proxy::~Proxy() {
    stop();
}

std::expected<void, Error> Proxy::start() {
    Impl &self = *impl_;
    if (self.started) {
        return std::unexpected(Error{K2S_E_STATE, "the proxy has already been started"});
    }
    if (auto listening = self.take_over(self.settings); !listening) {
        return listening;
    }
    self.started = true;
    self.tell();
    net::co_spawn(self.engine->io.get_executor(), self.housekeeping(), net::detached);
    return {};
}

std::expected<void, Error> Proxy::reload(Config config) {
    Impl &self = *impl_;
    if (!self.started || self.stopped || self.draining) {
        return std::unexpected(Error{K2S_E_STATE, "the proxy is not running"});
    }
    auto settings = Settings::check(std::move(config));
    if (!settings) {
        return std::unexpected(std::move(settings.error()));
    }
    if ((*settings)->workers != self.settings->workers) {
        return std::unexpected(
            Error{K2S_E_CONFIG, "the number of workers changes with a restart only"});
    }
    if (auto taken = self.take_over(std::move(*settings)); !taken) {
        return taken;
    }
    self.tell();
    return {};
}

namespace {

/// Counts the parts of a drain that are under way.
struct Drain {
    size_t parts = 0;
    size_t cut = 0;
    std::function<void()> finish;

    void ended(size_t cut_of_part) {
        cut += cut_of_part;
        if (--parts == 0) {
            finish();
        }
    }
};

// Sessions in which nothing moves end with a tick; nobody can tell whether the others are over.
Task<void> drain_udp(std::shared_ptr<Forward> forward, std::chrono::milliseconds patience,
                     std::shared_ptr<Drain> drain) {
    constexpr auto k_step = std::chrono::milliseconds(100);
    const auto deadline = dataplane::Clock::now() + patience;
    Timer timer(forward->engine->io);
    while (forward->udp->sessions() != 0 && dataplane::Clock::now() < deadline) {
        forward->udp->tick();
        timer.expires_after(k_step);
        co_await timer.async_wait(dataplane::k_await);
    }
    drain->ended(0);
}

} // namespace

void Proxy::drain(std::chrono::milliseconds patience, std::function<void(size_t)> done) {
    impl_->draining = true;
    impl_->close_listeners();
    auto drain = std::make_shared<Drain>();
    drain->parts = 1; // this function
    drain->finish = [self = impl_, state = drain.get(), done = std::move(done)] {
        self->stop();
        done(state->cut);
    };
    for (const auto &forward : impl_->all()) {
        forward->retire();
        ++drain->parts;
        forward->roster->drain(patience, [drain](size_t cut) { drain->ended(cut); });
        if (forward->udp) {
            ++drain->parts;
            net::co_spawn(impl_->engine->io.get_executor(), drain_udp(forward, patience, drain),
                          net::detached);
        }
    }
    drain->ended(0);
}

void Proxy::stop() {
    impl_->stop();
}

std::vector<std::string> Proxy::endpoints() const {
    std::vector<std::string> out;
    for (const auto &listener : impl_->listeners.listeners()) {
        out.push_back(listener->text());
    }
    for (const auto &[name, forward] : impl_->forwards) {
        if (forward->udp) {
            for (const UdpEndpoint &at : forward->udp->endpoints()) {
                out.push_back("udp://" + dataplane::text_of(Endpoint(at.address(), at.port())));
            }
        }
    }
    return out;
}

std::vector<std::shared_ptr<const Forward>> Proxy::forwards() const {
    std::vector<std::shared_ptr<const Forward>> out;
    for (const auto &each : impl_->settings->forwards) {
        if (const auto found = impl_->forwards.find(each->config.name);
            found != impl_->forwards.end()) {
            out.push_back(found->second);
        }
    }
    return out;
}

const Counter &Proxy::turned_away() const {
    return impl_->engine->turned_away;
}

const Counter &Proxy::stocked() const {
    return impl_->engine->stocked;
}

unsigned Proxy::workers() const {
    return impl_->settings->workers;
}

} // namespace k2s::l4proxy
