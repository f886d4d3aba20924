// SPDX-License-Identifier: MIT
#include "udp_forward.hpp"

#include <algorithm>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "udp_table.hpp"

namespace k2s::l4proxy {
namespace {

using namespace dataplane;

// What waits for a socket from another network place.
constexpr size_t k_held_per_session = 16;
constexpr size_t k_held_bytes = 1024 * 1024; // of a forward
constexpr auto k_socket_patience = std::chrono::seconds(5);
constexpr auto k_drain_after = std::chrono::seconds(2);
constexpr auto k_log_every = std::chrono::seconds(10);

bool unreachable(const error_code &ec) noexcept {
    return ec == net::error::connection_refused || ec == net::error::connection_reset ||
           ec == net::error::host_unreachable || ec == net::error::network_unreachable;
}

std::string text_of(const UdpEndpoint &endpoint) {
    return dataplane::text_of(Endpoint(unmapped(endpoint.address()), endpoint.port()));
}

} // namespace

std::string_view text_of(UdpSessionEnd::Why why) noexcept {
    switch (why) {
    case UdpSessionEnd::Why::idle:
        return "idle";
    case UdpSessionEnd::Why::answered:
        return "answered";
    case UdpSessionEnd::Why::evicted:
        return "evicted";
    case UdpSessionEnd::Why::closed:
        return "closed";
    }
    return "unknown";
}

struct UdpForward::Impl : std::enable_shared_from_this<UdpForward::Impl> {
    using Why = UdpSessionEnd::Why;

    struct Listener final : UdpSocket::Handler {
        Impl &forward;
        std::string text;
        NetworkPlace place;
        PlaceIdentity identity;
        uint16_t id;
        size_t sessions = 0;
        bool retired = false;
        bool lost = false; // its place is gone: retired for good
        std::unique_ptr<UdpSocket> socket;

        Listener(Impl &owner, const UdpListen &at, uint16_t number)
            : forward(owner), text(at.text), place(at.place), identity(at.identity), id(number) {}
        void on_datagrams(std::span<const Received> batch) override {
            forward.from_clients(*this, batch);
        }
        void on_error(const error_code &ec) override { forward.listener_failed(*this, ec); }
    };

    // A session whose socket is being made elsewhere.
    struct Opening {
        explicit Opening(const CoarseClock &clock) : watchdog(clock) {}
        Watchdog watchdog;
        std::vector<std::string> held;
        UdpTarget target;
    };

    struct Session final : UdpTableEntry, UdpSocket::Handler {
        Impl &forward;
        Listener &listener;
        UdpEndpoint client;
        UdpLocal local;
        Lease lease;
        std::unique_ptr<UdpSocket> socket;
        std::shared_ptr<Opening> opening;
        Clock::time_point started;
        uint64_t client_datagrams = 0, client_bytes = 0;
        uint64_t target_datagrams = 0, target_bytes = 0;
        bool vouched = false; // the lease knows that the target answers
        bool suspect = false; // the target has refused something

        Session(Impl &owner, Listener &via) : forward(owner), listener(via) {}
        void on_datagrams(std::span<const Received> batch) override {
            forward.from_target(*this, batch);
        }
        void on_error(const error_code &ec) override { forward.target_failed(*this, ec); }
    };

    Context context;
    std::string name;
    std::shared_ptr<Balancer> balancer;
    Callbacks callbacks;
    UdpOptions options;
    UdpCounters &counters;
    CoarseClock clock;
    std::vector<std::unique_ptr<Listener>> listeners;
    UdpTable<Session> table;
    std::vector<const Target *> tried; // kept for its memory
    size_t held_bytes = 0;
    uint16_t next_listener = 0;
    bool draining = false;
    bool closed = false;
    Clock::time_point quiet_until{};
    uint64_t kept_quiet = 0;

    Impl(Context c, std::string n, std::shared_ptr<Balancer> b, Callbacks calls)
        : context(std::move(c)), name(std::move(n)), balancer(std::move(b)),
          callbacks(std::move(calls)), counters(*context.counters) {}

    // From clients

    void from_clients(Listener &listener, std::span<const Received> batch) {
        const Clock::time_point now = context.loop.now();
        Session *session = nullptr;
        for (const Received &received : batch) {
            const UdpKey key = UdpKey::of(received, listener.id);
            if (session == nullptr || !(session->key == key)) {
                session = table.find(key);
                if (session == nullptr) {
                    session = open(listener, key, received, now);
                }
                if (session == nullptr) {
                    continue;
                }
                table.touch(*session, now);
            }
            to_target(*session, received.datagrams);
        }
    }

    void to_target(Session &session, const Datagrams &datagrams) {
        const size_t count = datagrams.count();
        session.client_datagrams += count;
        session.client_bytes += datagrams.size;
        counters.client_datagrams.add(count);
        counters.client_bytes.add(datagrams.size);
        if (session.suspect) {
            session.suspect = false;
            tried.assign(1, &*session.lease);
            connect(session); // where it was when there is no other
        }
        if (session.opening != nullptr) {
            hold(*session.opening, datagrams);
        } else {
            session.socket->send(datagrams);
        }
    }

    void hold(Opening &opening, const Datagrams &datagrams) {
        if (datagrams.segment != 0 || opening.held.size() == k_held_per_session ||
            held_bytes + datagrams.size > k_held_bytes) {
            counters.dropped.add(datagrams.count());
            return;
        }
        held_bytes += datagrams.size;
        opening.held.emplace_back(datagrams.data, datagrams.size);
    }

    // Sessions

    Session *open(Listener &listener, const UdpKey &key, const Received &received,
                  Clock::time_point now) {
        const size_t count = received.datagrams.count();
        if (draining || listener.retired) {
            counters.dropped.add(count);
            return nullptr;
        }
        if (callbacks.admit && !callbacks.admit(unmapped(received.from.address()))) {
            counters.denied.add(count);
            log(LogLevel::warn, "client refused: its address is not allowed", received.from, {});
            return nullptr;
        }
        if (table.of_client(key) >= options.max_sessions_per_client) {
            evict(table.oldest_of_client(key), "too many UDP sessions of one client");
        } else if (table.size() >= options.max_sessions) {
            evict(table.first_to_go(), "too many UDP sessions");
        }
        auto made = std::make_unique<Session>(*this, listener);
        made->key = key;
        made->client = received.from;
        made->local = received.local;
        made->started = now;
        tried.clear();
        if (!connect(*made)) {
            counters.dropped.add(count);
            return nullptr;
        }
        ++listener.sessions;
        counters.sessions.add();
        counters.sessions_total.add();
        return &table.insert(std::move(made), now);
    }

    // Connects the session to a target that is not among `tried`. False, and nothing changed, when
    // there is none.
    bool connect(Session &session) {
        const Address client = unmapped(session.client.address());
        for (;;) {
            Lease lease = balancer->pick(client, tried, context.loop.now());
            if (!lease) {
                if (session.socket == nullptr) {
                    log(LogLevel::warn, "no target can be used", session.client, {});
                }
                return false;
            }
            tried.push_back(&*lease);
            std::optional<UdpTarget> target = callbacks.locate(*lease);
            if (!target) {
                lease.failed("its address is not known");
                continue;
            }
            auto socket = take_socket(*target, session);
            if (!socket) {
                lease.failed(socket.error().message);
                log(LogLevel::warn, "cannot open a UDP socket", session.client,
                    socket.error().message);
                continue;
            }
            if (!*socket) {
                begin_opening(session, std::move(*target));
            } else if (!adopt(session, std::move(**socket), *target, lease)) {
                continue;
            }
            session.lease = std::move(lease);
            session.vouched = false;
            return true;
        }
    }

    std::expected<std::optional<NativeSocket>, Error> take_socket(const UdpTarget &target,
                                                                  const Session &session) {
        const SocketKind kind{target.endpoint.protocol().family(), SOCK_DGRAM};
        if (!target.place.here()) {
            return context.stock.take_now(target.place, kind);
        }
        auto socket = make_socket(kind);
        if (!socket && socket.error() == net::error::no_descriptors) {
            context.stock.clear();
            if (Session *const other = table.first_to_go(); other != &session) {
                evict(other, "out of descriptors");
            }
            socket = make_socket(kind);
        }
        if (!socket) {
            return std::unexpected(Error{K2S_E_IO, socket.error().message()});
        }
        return std::optional(std::move(*socket));
    }

    bool adopt(Session &session, NativeSocket socket, const UdpTarget &target, Lease &lease) {
        error_code ec = connect_udp_socket(socket, target.endpoint);
        if (!ec && callbacks.leads_back && callbacks.leads_back(target, socket.get())) {
            // Each datagram would open the next session, and so on without end.
            constexpr std::string_view k_reason = "it is this proxy itself";
            lease.failed(k_reason);
            log(LogLevel::warn, "cannot send to " + text_of(target.endpoint), session.client,
                k_reason);
            return false;
        }
        if (!ec) {
            auto adopted = UdpSocket::adopt(context.loop, std::move(socket),
                                            UdpSocket::Role::connected, session);
            if (adopted) {
                session.socket = std::move(*adopted);
                return true;
            }
            ec = adopted.error();
        }
        lease.failed(ec.message());
        log(LogLevel::warn, "cannot reach " + text_of(target.endpoint), session.client,
            ec.message());
        return false;
    }

    void begin_opening(Session &session, UdpTarget target) {
        session.opening = std::make_shared<Opening>(clock);
        session.opening->target = std::move(target);
        clock.now = Clock::now();
        session.opening->watchdog.arm(k_socket_patience);
        net::co_spawn(context.io.get_executor(),
                      finish_opening(shared_from_this(), session.key, session.opening),
                      net::detached);
    }

    static Task<void> finish_opening(std::shared_ptr<Impl> self, UdpKey key,
                                     std::shared_ptr<Opening> opening) {
        const SocketKind kind{opening->target.endpoint.protocol().family(), SOCK_DGRAM};
        auto socket =
            co_await self->context.stock.take(opening->target.place, kind, opening->watchdog);
        Session *const session = self->closed ? nullptr : self->table.find(key);
        if (session == nullptr || session->opening != opening) {
            co_return; // it has gone meanwhile
        }
        self->release_held(*opening);
        session->opening.reset();
        if (!socket) {
            session->lease.failed(socket.error().message);
            self->log(LogLevel::warn, "cannot open a UDP socket", session->client,
                      socket.error().message);
        } else if (self->adopt(*session, std::move(*socket), opening->target, session->lease)) {
            for (std::string &datagram : opening->held) {
                session->socket->send({datagram.data(), datagram.size(), 0});
            }
            co_return;
        }
        self->counters.dropped.add(opening->held.size());
        self->end(*session, Why::closed);
    }

    void release_held(const Opening &opening) {
        for (const std::string &datagram : opening.held) {
            held_bytes -= datagram.size();
        }
    }

    void evict(Session *session, std::string_view why) {
        if (session != nullptr) {
            counters.evicted.add();
            log(LogLevel::warn, "UDP session evicted", session->client, why);
            end(*session, Why::evicted);
        }
    }

    void end(Session &session, Why why) {
        const std::unique_ptr<Session> taken = table.take(session);
        counters.sessions.sub();
        if (session.opening != nullptr) {
            release_held(*session.opening);
            session.opening->watchdog.cut_now();
        }
        if (callbacks.ended) {
            callbacks.ended({why, session.client, session.lease->name(), session.client_datagrams,
                             session.client_bytes, session.target_datagrams, session.target_bytes,
                             context.loop.now() - session.started});
        }
        Listener &listener = session.listener;
        if (--listener.sessions == 0 && listener.retired) {
            std::erase_if(listeners, [&](const auto &each) { return each.get() == &listener; });
        }
    }

    // From targets

    void from_target(Session &session, std::span<const Received> batch) {
        for (const Received &received : batch) {
            const size_t count = received.datagrams.count();
            session.target_datagrams += count;
            session.target_bytes += received.datagrams.size;
            counters.target_datagrams.add(count);
            counters.target_bytes.add(received.datagrams.size);
            session.listener.socket->send(received.datagrams, session.client, session.local);
        }
        session.suspect = false;
        if (!session.vouched) {
            session.vouched = true;
            session.lease.succeeded();
        }
        table.set_answered(session);
        table.touch(session, context.loop.now());
        if (options.responses != 0 &&
            session.target_datagrams >= session.client_datagrams * options.responses) {
            end(session, Why::answered); // the caller is gone from here on
        }
    }

    void target_failed(Session &session, const error_code &ec) {
        if (ec == net::error::message_size) {
            counters.too_large.add();
        } else if (unreachable(ec)) {
            counters.unreachable.add();
            session.suspect = true;
            session.vouched = false;
            session.lease.failed(ec.message(), context.loop.now());
        } else {
            log(LogLevel::warn, "a UDP target's socket failed", session.client, ec.message());
        }
    }

    void listener_failed(Listener &listener, const error_code &ec) {
        if (ec == net::error::message_size) {
            counters.too_large.add();
        } else {
            log(LogLevel::warn, "a UDP listener failed", listener.socket->local_endpoint(),
                ec.message());
        }
    }

    // A flood must not fill the log: one line now and then, with the number of those left out.
    void log(LogLevel level, std::string_view message, const UdpEndpoint &peer,
             std::string_view reason) {
        const Clock::time_point now = context.loop.now();
        if (now < quiet_until) {
            ++kept_quiet;
            return;
        }
        quiet_until = now + k_log_every;
        const std::string client = text_of(peer);
        const std::string more = std::to_string(std::exchange(kept_quiet, 0));
        context.observer->on_log(
            level, message,
            {{"forward", name}, {"peer", client}, {"reason", reason}, {"left_out", more}});
    }

    void end_all(Session *(UdpTable<Session>::*oldest)(), Clock::time_point last_used, Why why) {
        for (Session *session = (table.*oldest)();
             session != nullptr && session->last_used <= last_used; session = (table.*oldest)()) {
            end(*session, why);
        }
    }
    void end_unused_since(Clock::time_point last_used, Why why) {
        end_all(&UdpTable<Session>::oldest_unanswered, last_used, why);
        end_all(&UdpTable<Session>::oldest_answered, last_used, why);
    }

    void close_unused_listeners() {
        std::erase_if(listeners,
                      [](const auto &each) { return each->retired && each->sessions == 0; });
    }
};

UdpForward::UdpForward(Context context, std::string name, std::shared_ptr<Balancer> balancer,
                       Callbacks callbacks)
    : impl_(std::make_shared<Impl>(std::move(context), std::move(name), std::move(balancer),
                                   std::move(callbacks))) {}

UdpForward::~UdpForward() {
    close();
}

void UdpForward::set_options(const UdpOptions &options) {
    impl_->options = options;
    while (impl_->table.size() > options.max_sessions) {
        impl_->evict(impl_->table.first_to_go(), "too many UDP sessions");
    }
}

std::vector<std::string> UdpForward::listening() const {
    std::vector<std::string> out;
    for (const auto &listener : impl_->listeners) {
        if (!listener->lost && std::find(out.begin(), out.end(), listener->text) == out.end()) {
            out.push_back(listener->text);
        }
    }
    return out;
}

std::expected<void, Error> UdpForward::listen(const std::vector<std::string> &kept,
                                              std::vector<UdpListen> added) {
    std::vector<std::unique_ptr<Impl::Listener>> opened;
    const auto add = [&](const UdpListen &at) {
        return std::make_unique<Impl::Listener>(*impl_, at, impl_->next_listener++);
    };
    for (UdpListen &each : added) {
        for (std::unique_ptr<UdpSocket> &socket : each.taken) {
            auto listener = add(each);
            socket->hand_over(*listener);
            listener->socket = std::move(socket);
            opened.push_back(std::move(listener));
        }
        for (NativeSocket &native : each.sockets) {
            auto listener = add(each);
            auto socket = UdpSocket::adopt(impl_->context.loop, std::move(native),
                                           UdpSocket::Role::listener, *listener);
            if (!socket) {
                return std::unexpected(Error{K2S_E_IO, "cannot listen on \"" + each.text +
                                                           "\": " + socket.error().message()});
            }
            listener->socket = std::move(*socket);
            opened.push_back(std::move(listener));
        }
    }
    for (const auto &listener : impl_->listeners) {
        listener->retired =
            listener->lost || std::find(kept.begin(), kept.end(), listener->text) == kept.end();
    }
    impl_->close_unused_listeners();
    std::move(opened.begin(), opened.end(), std::back_inserter(impl_->listeners));
    return {};
}

void UdpForward::lose_gone_places() {
    for (const auto &listener : impl_->listeners) {
        if (listener->place.here() || listener->lost) {
            continue;
        }
        const auto identity = identify(listener->place);
        if (identity && *identity == listener->identity) {
            continue;
        }
        listener->lost = listener->retired = true;
        impl_->context.observer->on_log(
            LogLevel::error, "no longer listening",
            {{"address", listener->text},
             {"error", identity ? "the network namespace has been replaced"
                                : std::string_view(identity.error().message)}});
    }
    impl_->close_unused_listeners();
}

UdpListen UdpForward::release(const std::string &text) {
    std::vector<Impl::Session *> ending;
    impl_->table.for_each([&](Impl::Session &session) {
        if (session.listener.text == text && !session.listener.lost) {
            session.listener.retired = false; // stays until its socket is taken
            ending.push_back(&session);
        }
    });
    for (Impl::Session *session : ending) {
        impl_->end(*session, Impl::Why::closed);
    }
    UdpListen out{text, {}, {}, {}, {}};
    std::erase_if(impl_->listeners, [&](const auto &listener) {
        const bool leaves = listener->text == text && !listener->lost;
        if (leaves) {
            out.place = listener->place;
            out.identity = listener->identity;
            out.taken.push_back(std::move(listener->socket));
        }
        return leaves;
    });
    return out;
}

std::vector<UdpEndpoint> UdpForward::endpoints() const {
    std::vector<UdpEndpoint> out;
    for (const auto &listener : impl_->listeners) {
        if (!listener->retired) {
            out.push_back(listener->socket->local_endpoint());
        }
    }
    return out;
}

std::vector<UdpTarget> UdpForward::own() const {
    std::vector<UdpTarget> out;
    for (const auto &listener : impl_->listeners) {
        if (!listener->retired) {
            out.push_back({listener->place, listener->socket->local_endpoint()});
        }
    }
    return out;
}

void UdpForward::tick() {
    Impl &impl = *impl_;
    impl.clock.now = Clock::now();
    if (impl.held_bytes != 0) {
        impl.table.for_each([&](Impl::Session &session) {
            if (session.opening != nullptr) {
                session.opening->watchdog.check(impl.clock.now);
            }
        });
    }
    impl.end_unused_since(impl.clock.now - impl.options.idle_timeout, Impl::Why::idle);
    if (impl.draining) {
        impl.end_unused_since(impl.clock.now - k_drain_after, Impl::Why::closed);
    }
}

void UdpForward::drain() {
    impl_->draining = true;
    for (const auto &listener : impl_->listeners) {
        listener->retired = true;
    }
    impl_->end_unused_since(Clock::now() - k_drain_after, Impl::Why::closed);
    impl_->close_unused_listeners();
}

void UdpForward::close() {
    impl_->closed = true;
    impl_->end_unused_since(Clock::time_point::max(), Impl::Why::closed);
    impl_->listeners.clear();
}

size_t UdpForward::sessions() const noexcept {
    return impl_->table.size();
}

} // namespace k2s::l4proxy
