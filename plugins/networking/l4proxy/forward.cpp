// SPDX-License-Identifier: MIT
#include "forward.hpp"

#include <algorithm>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "dial.hpp"

namespace k2s::l4proxy {

std::shared_ptr<Forward> Forward::make(std::shared_ptr<Engine> engine,
                                       std::shared_ptr<const ForwardSettings> settings) {
    std::shared_ptr<Forward> forward(new Forward(std::move(engine), settings));
    HealthChecker::Dial reach = [of = forward->engine](const Target &target,
                                                       dataplane::Watchdog &watchdog) {
        return dial(*of, target.data<TargetSettings>(), watchdog);
    };
    if (settings->datagrams) {
        forward->open_udp();
        reach = [weak = std::weak_ptr(forward)](const Target &target,
                                                dataplane::Watchdog &watchdog) {
            const auto self = weak.lock(); // it stops the checks when it goes
            return dial_datagrams(*self->engine, self->locate(target), watchdog);
        };
    }
    forward->health =
        std::make_unique<HealthChecker>(forward->engine->io, forward->balancer, std::move(reach));
    forward->apply(std::move(settings));
    forward->roster->start([] {});
    return forward;
}

Forward::Forward(std::shared_ptr<Engine> of, std::shared_ptr<const ForwardSettings> given)
    : engine(std::move(of)), settings(std::move(given)),
      balancer(std::make_shared<Balancer>(settings->config.name, engine->observer)),
      roster(std::make_shared<Roster>(engine->io)),
      udp_counters(settings->datagrams ? std::make_shared<UdpCounters>() : nullptr) {}

Forward::~Forward() = default;

void Forward::open_udp() {
    UdpForward::Callbacks callbacks;
    callbacks.locate = [weak = weak_from_this()](const Target &target) {
        const auto self = weak.lock();
        return self ? self->locate(target) : std::nullopt;
    };
    callbacks.admit = [weak = weak_from_this()](const Address &client) {
        const auto self = weak.lock();
        return self && self->settings->admits(client);
    };
    callbacks.leads_back = [weak = weak_from_this()](const UdpTarget &target,
                                                     NativeSocket::Handle connected) {
        const auto self = weak.lock();
        const Endpoint to(target.endpoint.address(), target.endpoint.port());
        const bool back = self && self->engine->datagrams_lead_back(target.place, connected, to);
        if (back) {
            self->counters.errors_loop.add();
        }
        return back;
    };
    callbacks.ended = [weak = weak_from_this()](const UdpSessionEnd &end) {
        if (const auto self = weak.lock()) {
            self->note_end(end);
        }
    };
    udp = std::make_unique<UdpForward>(
        UdpForward::Context{engine->io, engine->udp, engine->stock, engine->observer, udp_counters},
        settings->config.name, balancer, std::move(callbacks));
}

void Forward::apply(std::shared_ptr<const ForwardSettings> given) {
    settings = std::move(given);
    const ForwardConfig &config = settings->config;
    Balancer::Options options;
    options.balance = settings->balance;
    options.passive.failures = config.passive_failures;
    options.passive.down_for = config.passive_down_for;
    balancer->set(options, settings->targets);
    roster->set_limits({config.max_connections, config.max_connections_per_client});
    roster->set_tick(std::min(config.connect_timeout, config.idle_timeout) / 8);
    if (udp) {
        UdpOptions limits;
        limits.idle_timeout = config.udp_idle_timeout;
        limits.responses = config.udp_responses;
        limits.max_sessions = config.max_udp_sessions;
        limits.max_sessions_per_client =
            std::min(config.max_udp_sessions_per_client, config.max_udp_sessions);
        udp->set_options(limits);
        if (!looking_up_) {
            looking_up_ = true;
            net::co_spawn(engine->io.get_executor(), look_up_names(shared_from_this()),
                          net::detached);
        }
    }
    health->set(settings->health);
}

void Forward::retire() {
    if (udp) {
        udp->drain();
        static_cast<void>(udp->listen({}, {}));
    }
    if (health) {
        health->stop();
    }
}

void Forward::tick() {
    if (udp) {
        udp->tick();
        if (!looking_up_) {
            looking_up_ = true;
            net::co_spawn(engine->io.get_executor(), look_up_names(shared_from_this()),
                          net::detached);
        }
    }
}

void Forward::check_places(bool shared) {
    udp->lose_gone_places();
    const auto listening = udp->listening();
    std::map<std::string, std::string> lost;
    for (const EndpointUrl &url : settings->listen) {
        if (url.place.here() ||
            std::find(listening.begin(), listening.end(), url.text) != listening.end()) {
            continue;
        }
        std::string &told = lost[url.text];
        told = lost_[url.text];
        if (!dataplane::identify(url.place)) {
            continue;
        }
        auto opened = open_udp_listen(url, shared);
        std::expected<void, Error> again;
        if (opened) {
            std::vector<UdpListen> added;
            added.push_back(std::move(*opened));
            again = udp->listen(udp->listening(), std::move(added));
        } else {
            again = std::unexpected(std::move(opened.error()));
        }
        if (again) {
            lost.erase(url.text);
            engine->observer->on_log(LogLevel::info, "listening again", {{"address", url.text}});
        } else if (again.error().message != told) {
            told = again.error().message;
            engine->observer->on_log(LogLevel::error, told, {});
        }
    }
    lost_ = std::move(lost);
}

void Forward::cut() {
    if (udp) {
        udp->close();
    }
    if (health) {
        health->stop();
    }
    roster->cut_all();
}

bool Forward::over() const noexcept {
    return roster->size() == 0 && (!udp || udp->sessions() == 0);
}

std::optional<UdpTarget> Forward::locate(const Target &target) const {
    const auto &to = target.data<TargetSettings>();
    if (!to.addresses.empty()) {
        const Endpoint endpoint = dataplane::ip_endpoint(to.addresses.front());
        return UdpTarget{to.url.place, {endpoint.address(), endpoint.port()}};
    }
    const auto known = names_.find(to.url.host);
    if (known == names_.end()) {
        return std::nullopt;
    }
    return UdpTarget{to.url.place, {known->second, to.url.port}};
}

// Datagrams do not wait for a look-up: names are looked up ahead. The resolver keeps answers for a
// while, so that this costs something only now and then. A failed look-up leaves the last answer.
Task<void> Forward::look_up_names(std::shared_ptr<Forward> self) {
    const auto with = self->settings;
    dataplane::Watchdog watchdog(self->clock_);
    for (const TargetSpec &spec : with->targets) {
        const auto &target = *static_cast<const TargetSettings *>(spec.data.get());
        if (!target.addresses.empty()) {
            continue;
        }
        const auto names = co_await self->engine->resolver.resolve(target.url.host, watchdog);
        if (!names.addresses.empty()) {
            self->names_[target.url.host] = names.addresses.front();
        }
    }
    self->looking_up_ = false;
}

void Forward::note_end(const UdpSessionEnd &end) const {
    if (!engine->observer->wants_access()) {
        return;
    }
    const std::string client =
        dataplane::text_of(Endpoint(end.client.address(), end.client.port()));
    dataplane::AccessRecord record;
    record.start = std::chrono::system_clock::now() -
                   std::chrono::duration_cast<std::chrono::system_clock::duration>(end.duration);
    record.client = client;
    record.method = "UDP";
    record.target = name();
    record.route = end.target;
    record.problem = end.why == UdpSessionEnd::Why::evicted ? text_of(end.why) : "";
    record.bytes_in = end.client_bytes;
    record.bytes_out = end.target_bytes;
    record.duration = std::chrono::duration_cast<std::chrono::microseconds>(end.duration);
    engine->observer->on_access(record);
}

} // namespace k2s::l4proxy
