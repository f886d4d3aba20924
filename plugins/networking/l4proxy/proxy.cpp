// SPDX-License-Identifier: MIT
#include "proxy.hpp"

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

    std::expected<void, Error> take_over(std::shared_ptr<const Settings> checked) {
        if (auto listening = listeners.set(addresses_of(*checked)); !listening) {
            return listening;
        }
        settings = std::move(checked);
        engine->resolver.set_hosts(settings->hosts);
        Forwards next;
        by_address.clear();
        for (const auto &each : settings->forwards) {
            auto &forward = next[each->config.name];
            if (const auto before = forwards.find(each->config.name); before != forwards.end()) {
                forward = before->second;
                forward->apply(each);
            } else {
                forward = std::make_shared<Forward>(engine, each);
                forward->roster->start([] {});
            }
            for (const EndpointUrl &url : each->listen) {
                by_address[url.text] = forward;
            }
        }
        for (const auto &[name, forward] : forwards) {
            if (!next.contains(name)) {
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
    }

    void close_listeners() {
        listeners.close();
        engine->listeners.clear();
        by_address.clear();
    }

    std::vector<std::shared_ptr<Roster>> rosters() const {
        std::vector<std::shared_ptr<Roster>> out;
        for (const auto &[name, forward] : forwards) {
            out.push_back(forward->roster);
        }
        for (const auto &forward : retired) {
            out.push_back(forward->roster);
        }
        return out;
    }

    void stop() {
        stopped = true;
        close_listeners();
        ticker.cancel();
        engine->stock.clear();
        for (const auto &roster : rosters()) {
            roster->cut_all();
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
            note_listeners();
            engine->stock.sweep();
            engine->stocked.add(engine->stock.size() - engine->stocked.get());
            std::erase_if(retired, [](const auto &forward) {
                const bool over = forward->roster->size() == 0;
                if (over) {
                    forward->roster->cut_all(); // ends its ticking
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

void Proxy::drain(std::chrono::milliseconds patience, std::function<void(size_t)> done) {
    impl_->draining = true;
    impl_->close_listeners();
    struct Waiting {
        size_t rosters;
        size_t cut = 0;
        std::function<void(size_t)> done;
    };
    const auto rosters = impl_->rosters();
    if (rosters.empty()) {
        impl_->stop();
        done(0);
        return;
    }
    auto waiting = std::make_shared<Waiting>(Waiting{rosters.size(), 0, std::move(done)});
    for (const auto &roster : rosters) {
        roster->drain(patience, [waiting, self = impl_](size_t cut) {
            waiting->cut += cut;
            if (--waiting->rosters == 0) {
                self->stop();
                waiting->done(waiting->cut);
            }
        });
    }
}

void Proxy::stop() {
    impl_->stop();
}

std::vector<std::string> Proxy::endpoints() const {
    std::vector<std::string> out;
    for (const auto &listener : impl_->listeners.listeners()) {
        out.push_back(listener->text());
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
