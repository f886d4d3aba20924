// SPDX-License-Identifier: MIT
#include "session.hpp"

#include <cstring>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "dataplane/connect.hpp"
#include "dial.hpp"

namespace k2s::l4proxy {
namespace {

using dataplane::ip_endpoint;
using dataplane::text_of;

// A client is not kept waiting for a long list of dead targets.
constexpr unsigned k_most_attempts = 8;
// For a PROXY header, which its sender has at hand.
constexpr auto k_header_timeout = std::chrono::seconds(10);

} // namespace

struct Session::Details {
    std::chrono::system_clock::time_point start = std::chrono::system_clock::now();
    dataplane::Clock::time_point began = dataplane::Clock::now();
    ProxyHeader header; // what the client's proxy said
    uint64_t bytes_in = 0;
    uint64_t bytes_out = 0;
};

Session::Session(std::shared_ptr<Forward> forward, NativeSocket native, Socket socket,
                 const Address &client, const SocketAddress &peer)
    : Member(forward->roster, client), forward_(std::move(forward)), settings_(forward_->settings),
      native_client_(std::move(native)), client_(std::move(socket)),
      upstream_(Socket(forward_->engine->io)), peer_(ip_endpoint(peer)),
      local_(peer.protocol().family() == AF_UNIX) {
    idle_ = false; // a drain waits for it
    watchdog_.client = &client_;
    watchdog_.upstream = &upstream_;
    forward_->counters.connections.add();
    forward_->counters.active.add();
    if (forward_->engine->observer->wants_access()) {
        details();
    }
}

Session::~Session() {
    forward_->counters.active.sub();
}

Session::Details &Session::details() {
    if (!details_) {
        details_ = std::make_unique<Details>();
    }
    return *details_;
}

std::string Session::peer_text() const {
    return local_ ? std::string("unix") : text_of(Endpoint(client_address(), peer_.port()));
}

void Session::start() {
    if (!dataplane::k_native_relay || settings_->expect_proxy_header || !start_quickly()) {
        net::co_spawn(forward_->engine->io.get_executor(), run(shared_from_this()), net::detached);
    }
}

// The way of nearly all connections: nothing has to be waited for. False: run() goes on.
bool Session::start_quickly() {
    if (!client_is_allowed()) {
        end_record();
        return true; // destroyed with its last reference, which the caller has
    }
    Engine &engine = *forward_->engine;
    Lease lease = forward_->balancer->pick(balanced_address());
    if (!lease) {
        return false;
    }
    const auto &target = lease->data<TargetSettings>();
    if (target.addresses.size() != 1) {
        pending_ = std::make_unique<Pending>(std::move(lease), false);
        return false;
    }
    const SocketAddress &to = target.addresses.front();
    auto made = engine.stock.take_now(target.url.place, {to.protocol().family(), SOCK_STREAM});
    if (!made || !*made) {
        pending_ = std::make_unique<Pending>(std::move(lease), false);
        return false;
    }
    const auto begun = begin_connect(**made, to, settings_->config.keep_alive);
    if (begun && !*begun) {
        native_upstream_ = std::move(**made);
        pending_ = std::make_unique<Pending>(std::move(lease), true);
        return false;
    }
    std::string reason;
    native_upstream_ = std::move(**made);
    if (begun && use(lease, to, reason)) {
        start_relay();
        return true;
    }
    native_upstream_ = {};
    forward_->counters.errors_connect.add();
    lease.failed(begun ? reason : begun.error().message());
    return false;
}

// `self` keeps the session from the moment on that the coroutine is made.
Task<void> Session::run(std::shared_ptr<Session> self) {
    static_cast<void>(self);
    bool relayed = false;
    try {
        bool ready = true;
        if (settings_->expect_proxy_header) {
            ready = co_await read_header();
        }
        ready = ready && (pending_ || client_is_allowed());
        if (ready) {
            ready = co_await connect();
        }
        if (ready) {
            if (dataplane::k_native_relay) {
                start_relay();
                relayed = true;
            } else {
                co_await run_without_relay();
            }
        }
    } catch (const std::exception &e) {
        forward_->engine->observer->on_log(
            LogLevel::error, "connection ended by an internal error",
            {{"forward", forward_->name()}, {"client", peer_text()}, {"error", e.what()}});
    }
    if (!relayed) {
        end_record();
        client_.close();
        upstream_.close();
    }
}

Task<void> Session::run_without_relay() {
    if (settings_->send_proxy_header) {
        queue_header();
    }
    Engine &engine = *forward_->engine;
    ForwardCounters &counters = forward_->counters;
    finish(co_await run_tunnel(engine.io, watchdog_, settings_->config.idle_timeout,
                               {client_, in_, counters.bytes_in},
                               {upstream_, out_, counters.bytes_out}));
}

void Session::start_relay() {
    if (settings_->send_proxy_header) {
        queue_header();
    }
    std::string first(in_.view());
    in_.clear();
    in_.release();
    ForwardCounters &counters = forward_->counters;
    relay_ = std::make_unique<dataplane::Relay>(
        forward_->engine->relays,
        dataplane::Relay::Options{watchdog_, settings_->config.idle_timeout, counters.bytes_in,
                                  counters.bytes_out});
    relay_->start(std::move(native_client_), std::move(native_upstream_), std::move(first),
                  [self = shared_from_this()](const dataplane::TunnelResult &moved) {
                      self->finish(moved);
                      self->end_record();
                  });
}

void Session::finish(const dataplane::TunnelResult &moved) {
    if (moved.timed_out) {
        forward_->counters.errors_timeout.add();
        problem_ = "idle for too long";
    }
    if (details_) {
        details_->bytes_in = moved.bytes_in;
        details_->bytes_out = moved.bytes_out;
    }
}

void Session::refuse(Counter &counter, const char *problem) {
    counter.add();
    problem_ = problem;
}

bool Session::client_is_allowed() {
    const bool by_header = details_ && details_->header.family == ProxyHeader::Family::ip;
    const Address client = by_header ? details_->header.source.address() : client_address();
    if ((!by_header && local_) || settings_->admits(client)) {
        return true; // a Unix socket's file has permissions of its own
    }
    refuse(forward_->counters.denied, "the client's address is not allowed");
    return false;
}

Task<bool> Session::read_header() {
    if (!local_ && !any_contains(settings_->trusted, client_address())) {
        refuse(forward_->counters.denied, "PROXY headers are not believed from this address");
        co_return false;
    }
    if (native_client_.valid()) {
        error_code ec;
        client_.socket().assign(local_ ? SocketAddress::protocol_type(AF_UNIX, 0)
                                       : SocketAddress::protocol_type(peer_.protocol()),
                                native_client_.get(), ec);
        if (ec) {
            co_return false;
        }
        native_client_.release();
        client_.socket().non_blocking(true, ec);
    }
    auto header = co_await read_proxy_header(client_, in_, watchdog_, k_header_timeout);
    if (dataplane::k_native_relay && client_.socket().is_open()) {
        error_code ec;
        native_client_ = NativeSocket(client_.socket().release(ec));
    }
    if (!header) {
        refuse(forward_->counters.errors_proxy_header, "no valid PROXY header");
        log_failure(header.error());
        co_return false;
    }
    details().header = std::move(*header);
    co_return true;
}

void Session::log_failure(std::string_view message) const {
    forward_->engine->observer->on_log(LogLevel::debug, message,
                                       {{"forward", forward_->name()}, {"client", peer_text()}});
}

Address Session::balanced_address() const {
    const bool told = details_ && details_->header.family == ProxyHeader::Family::ip;
    return told ? details_->header.source.address() : client_address();
}

// The connection stands: is it one to keep?
bool Session::use(Lease &lease, const SocketAddress &to, std::string &reason) {
    Engine &engine = *forward_->engine;
    const auto &place = lease->data<TargetSettings>().url.place;
    if (upstream_.socket().is_open() && dataplane::k_native_relay) {
        error_code ec;
        native_upstream_ = NativeSocket(upstream_.socket().release(ec));
    }
    const NativeSocket::Handle handle =
        native_upstream_.valid() ? native_upstream_.get()
                                 : NativeSocket::Handle(upstream_.socket().native_handle());
    if (engine.leads_back(place, handle, to)) {
        forward_->counters.errors_loop.add();
        reason = "it is this proxy itself";
        return false;
    }
    lease.succeeded();
    lease_ = std::move(lease);
    return true;
}

Task<bool> Session::connect() {
    Engine &engine = *forward_->engine;
    const Address client = balanced_address();
    std::vector<const Target *> tried;
    std::vector<Lease> kept; // so that what `tried` points to stays
    std::string reason;
    while (tried.size() < k_most_attempts && !watchdog_.cut()) {
        const std::unique_ptr<Pending> pending = std::move(pending_);
        const bool begun_already = pending && pending->begun;
        Lease lease;
        if (pending) {
            lease = std::move(pending->lease);
        } else {
            lease = forward_->balancer->pick(client, tried);
        }
        if (!lease) {
            break;
        }
        const auto &target = lease->data<TargetSettings>();
        watchdog_.arm(settings_->config.connect_timeout);
        const auto addresses = co_await addresses_of(engine, target, watchdog_, reason);
        for (const SocketAddress &to : addresses) {
            bool done = false;
            if (!begun_already) {
                const dataplane::SocketKind kind{to.protocol().family(), SOCK_STREAM};
                auto made = co_await engine.stock.take(target.url.place, kind, watchdog_);
                if (!made && made.error().code == K2S_E_NO_MEMORY) {
                    // Not this target's fault, and another would be no better.
                    engine.stock.clear();
                    refuse(engine.turned_away, "out of descriptors");
                    co_return false;
                }
                if (!made) {
                    reason = std::move(made.error().message);
                    break;
                }
                native_upstream_ = std::move(*made);
                const auto begun =
                    begin_connect(native_upstream_, to, settings_->config.keep_alive);
                if (!begun) {
                    reason = begun.error().message();
                    native_upstream_ = {};
                    continue;
                }
                done = *begun;
            }
            error_code ec;
            if (!done) {
                ec = co_await finish_connect(upstream_.socket(), native_upstream_, to);
            }
            if (!ec && use(lease, to, reason)) {
                co_return !watchdog_.cut();
            }
            if (ec) {
                reason = ec.message();
                if (watchdog_.expired()) {
                    reason = "it does not answer";
                }
            }
            upstream_.close();
            native_upstream_ = {};
            if (watchdog_.expired() || watchdog_.cut()) {
                break;
            }
        }
        if (watchdog_.cut()) {
            break;
        }
        forward_->counters.errors_connect.add();
        lease.failed(reason);
        tried.push_back(&*lease);
        kept.push_back(std::move(lease));
    }
    refuse(forward_->counters.errors_no_target, "no target can be reached");
    log_failure(problem_);
    co_return false;
}

void Session::queue_header() {
    ProxyHeader header;
    if (details_ && details_->header.family != ProxyHeader::Family::none) {
        header = details_->header; // the next proxy is told what the last one said
    } else if (!local_) {
        const Endpoint local = dataplane::local_endpoint(
            native_client_.valid() ? native_client_.get()
                                   : NativeSocket::Handle(client_.socket().native_handle()));
        header.family = ProxyHeader::Family::ip;
        header.source = Endpoint(client_address(), peer_.port());
        header.destination = Endpoint(unmapped(local.address()), local.port());
    } else {
        header.family = ProxyHeader::Family::unix_socket;
    }
    const std::string text = write_proxy_header(header, *settings_->send_proxy_header);
    const std::string rest(in_.view());
    in_.clear();
    for (const std::string_view part : {std::string_view(text), std::string_view(rest)}) {
        const net::mutable_buffer room = in_.prepare(text.size() + rest.size());
        std::memcpy(room.data(), part.data(), part.size());
        in_.commit(part.size());
    }
}

void Session::end_record() {
    Observer &observer = *forward_->engine->observer;
    if (!details_ || !observer.wants_access()) {
        return;
    }
    const std::string peer = peer_text();
    dataplane::AccessRecord record;
    record.start = details_->start;
    record.client = peer;
    record.method = local_ ? "UNIX" : "TCP";
    record.target = forward_->name();
    record.route = lease_ ? std::string_view(lease_->name()) : std::string_view();
    record.problem = problem_;
    record.bytes_in = details_->bytes_in;
    record.bytes_out = details_->bytes_out;
    record.duration = std::chrono::duration_cast<std::chrono::microseconds>(
        dataplane::Clock::now() - details_->began);
    observer.on_access(record);
}

} // namespace k2s::l4proxy
