// SPDX-License-Identifier: MIT
#include "session.hpp"

#include <charconv>

#include "common/text.hpp"
#include "rewrite.hpp"
#include "vocabulary.hpp"

namespace k2s::httpproxy {
namespace {

constexpr auto k_linger_time = std::chrono::seconds(2);
constexpr size_t k_linger_bytes = 1024 * 1024;
// What a connection holds while it waits for a request; most heads fit.
constexpr size_t k_first_read = 1024;

std::string_view reason_of(unsigned status) noexcept {
    switch (status) {
    case 200:
        return "OK";
    case 400:
        return "Bad Request";
    case 403:
        return "Forbidden";
    case 405:
        return "Method Not Allowed";
    case 408:
        return "Request Timeout";
    case 414:
        return "URI Too Long";
    case 431:
        return "Request Header Fields Too Large";
    case 502:
        return "Bad Gateway";
    case 504:
        return "Gateway Timeout";
    case 505:
        return "HTTP Version Not Supported";
    case 508:
        return "Loop Detected";
    default:
        return "Service Unavailable";
    }
}

unsigned status_of(HeadStatus problem) noexcept {
    switch (problem) {
    case HeadStatus::target_too_long:
        return 414;
    case HeadStatus::head_too_large:
        return 431;
    case HeadStatus::unsupported_version:
        return 505;
    default:
        return 400;
    }
}

} // namespace

Session::Session(std::shared_ptr<Engine> engine, std::unique_ptr<PlainStream> client,
                 const Endpoint &peer)
    : Member(engine->roster, peer.address()), engine_(std::move(engine)),
      settings_(engine_->settings), client_stream_(std::move(client)), client_(*client_stream_),
      peer_(client_address(), peer.port()), remote_(!client_address().is_loopback()) {
    engine_->counters->connections.add();
    engine_->counters->active_connections.add();
    watchdog_.client = &client_;
}

Session::~Session() {
    engine_->counters->active_connections.sub();
}

Task<void> Session::run() {
    const auto self = shared_from_this();
    try {
        co_await serve();
    } catch (const std::exception &e) {
        engine_->observer->on_log(LogLevel::error, "connection ended by an internal error",
                                  {{"client", text_of(peer_)}, {"error", e.what()}});
    }
    if (!relay_) {
        end_record();
        client_.close();
    }
}

// Nothing is read from the client while an origin or upstream is waited for, so nobody would see it
// go. Asking at each tick costs fast requests nothing. An end of stream is no reason: a client may
// half-close and still wait.
void Session::tick() {
    end_slow_upload();
    if (deaf_ && !watchdog_.cut()) {
        char byte = 0;
        error_code ec;
        client_.socket().receive(net::buffer(&byte, 1), Socket::message_peek, ec);
        if (ec && ec != net::error::would_block && ec != net::error::try_again &&
            ec != net::error::eof) {
            record_.problem = "the client has gone";
            watchdog_.cut_now();
        }
    }
}

Task<void> Session::serve() {
    Next next = Next::keep;
    for (bool first = true; next == Next::keep; first = false) {
        switch (co_await read_request_head(first)) {
        case ReadHead::ready:
            break;
        case ReadHead::linger:
            co_await linger();
            co_return;
        case ReadHead::close:
            co_return;
        }
        next = co_await handle_request();
        if (next == Next::relayed) {
            co_return;
        }
        end_record();
        if (watchdog_.cut()) {
            co_return;
        }
        if (engine_->roster->draining() && next == Next::keep) {
            next = Next::linger;
        }
        in_.shrink();
    }
    if (next == Next::linger) {
        co_await linger();
    }
}

Task<Session::ReadHead> Session::read_request_head(bool first) {
    idle_ = in_.empty();
    watchdog_.arm(idle_ && !first ? settings_->config.keep_alive_timeout
                                  : settings_->config.header_timeout);
    // Re-parsing on every read would be quadratic for a client that sends byte by byte, so an
    // incomplete head is looked at again only when its end may be there or it has doubled.
    size_t scanned = 0;
    size_t parsed = 0;
    for (;;) {
        const std::string_view data = in_.view();
        const size_t from = scanned > 3 ? scanned - 3 : 0;
        const bool look = !data.empty() && (data.size() >= 2 * parsed ||
                                            data.size() >= settings_->head_limits.head_bytes ||
                                            data.find("\r\n\r\n", from) != std::string_view::npos);
        scanned = data.size();
        if (look) {
            parsed = data.size();
            const HeadStatus status = engine_->parser.parse_request(data, settings_->head_limits);
            if (status == HeadStatus::complete) {
                co_return ReadHead::ready;
            }
            if (status != HeadStatus::incomplete) {
                engine_->counters->errors_request.add();
                begin_record("-", "-");
                record_.problem = describe(status);
                co_await reply(status_of(status), describe(status), Next::linger);
                co_return ReadHead::linger;
            }
        }
        const net::mutable_buffer room = in_.prepare(in_.empty() ? k_first_read : Buffer::k_small);
        const IoResult got = co_await client_.read_some(room);
        if (got.ec) {
            if (watchdog_.expired() && !idle_ && !watchdog_.cut()) {
                engine_->counters->errors_timeout.add();
                begin_record("-", "-");
                co_await reply(408, "the request head did not arrive in time", Next::linger);
                co_return ReadHead::linger;
            }
            co_return ReadHead::close;
        }
        in_.commit(got.bytes);
        if (idle_) {
            idle_ = false;
            watchdog_.arm(settings_->config.header_timeout);
        }
    }
}

bool Session::client_is_allowed() const {
    return !remote_ || any_contains(settings_->allowed_clients, client_address());
}

bool Session::loops_back() const {
    for (const HeaderField &field : engine_->parser.fields()) {
        if (field.id == FieldId::via &&
            field.value.find(engine_->via_name) != std::string_view::npos) {
            return true;
        }
    }
    return false;
}

Task<Session::Next> Session::handle_request() {
    settings_ = engine_->settings;
    HeadParser &head = engine_->parser;
    engine_->counters->requests.add();
    begin_record(head.method(), head.target());
    note_agent();
    request_ = {};
    request_.http10 = head.minor_version() == 0;
    request_.head_method = head.method() == "HEAD";
    request_.keep_alive = !engine_->roster->draining() && !head.connection_close() &&
                          (!request_.http10 || head.connection_keep_alive());
    if (!client_is_allowed()) {
        engine_->counters->denied_clients.add();
        co_return co_await reply(403, "this client's address is not among the allowed ranges",
                                 Next::linger);
    }
    if (loops_back()) {
        engine_->counters->denied_targets.add();
        co_return co_await reply(508, "the request has already passed through this proxy",
                                 Next::linger);
    }
    if (head.method() == "CONNECT") {
        co_return co_await handle_connect();
    }
    const auto target = parse_absolute_target(head.target(), head.method());
    if (!target) {
        engine_->counters->errors_request.add();
        co_return co_await reply(400, describe(target.error()), Next::linger);
    }
    const bool traces = head.method() == "TRACE" || head.method() == "OPTIONS";
    for (const HeaderField &field : head.fields()) {
        if (traces && field.id == FieldId::max_forwards && field.value == "0") {
            const bool options = head.method() == "OPTIONS";
            co_return co_await reply(options ? 200 : 405, "Max-Forwards ended at this proxy",
                                     Next::linger);
        }
    }
    request_.target = *target;
    co_return co_await forward(head);
}

Task<Session::Next> Session::handle_connect() {
    HeadParser &head = engine_->parser;
    const auto target = parse_connect_target(head.target());
    const bool has_body =
        head.chunked() || (head.has_content_length() && head.content_length() != 0);
    if (!target || has_body) {
        engine_->counters->errors_request.add();
        co_return co_await reply(
            400, has_body ? "a CONNECT request has no body" : describe(target.error()),
            Next::linger);
    }
    std::string refusal;
    if (!choose_route(*target, true, refusal)) {
        co_return co_await reply(403, refusal, Next::linger);
    }
    DialRequest where = dial_request(*target);
    if (request_.upstream != nullptr) {
        where.tunnel_authority = target->authority;
        write_via(where.via, head, engine_->via_name);
    }
    in_.consume(head.size()); // the parser's views end here
    deaf_ = true;
    auto dialed = co_await dial(*engine_, *settings_, where, watchdog_);
    deaf_ = false;
    if (!dialed) {
        if (watchdog_.cut()) {
            co_return Next::close;
        }
        co_return co_await reply(dialed.error().status, dialed.error().message, Next::linger);
    }
    Connection &connection = **dialed;
    const Scoped<Stream> upstream(watchdog_.upstream, connection.stream.get());
    if (watchdog_.cut()) {
        co_return Next::close;
    }
    const std::string_view established = "HTTP/1.1 200 Connection established\r\n\r\n";
    const IoResult sent = co_await client_.write(established, connection.in.view());
    if (sent.ec) {
        co_return Next::close;
    }
    connection.in.consume(connection.in.size());
    record_.status = 200;
    co_return co_await tunnel_to(connection);
}

// Between two sockets a relay goes on alone: what this session has taken to come here is given
// back.
Task<Session::Next> Session::tunnel_to(Connection &connection) {
    Counters &counters = *engine_->counters;
    counters.tunnels.add();
    counters.active_tunnels.add();
    const Clock::duration idle_timeout = settings_->config.tunnel_idle_timeout;
    NativeSocket upstream = k_native_relay ? connection.stream->release() : NativeSocket();
    if (!upstream.valid()) {
        end_tunnel(co_await run_tunnel(engine_->io, watchdog_, idle_timeout,
                                       {client_, in_, counters.bytes_in},
                                       {*connection.stream, connection.in, counters.bytes_out}));
        co_return Next::close;
    }
    std::string first(in_.view());
    in_.clear();
    in_.release();
    relay_ = std::make_unique<Relay>(
        engine_->relays,
        Relay::Options{watchdog_, idle_timeout, counters.bytes_in, counters.bytes_out});
    relay_->start(client_.release(), std::move(upstream), std::move(first),
                  [self = shared_from_this()](const TunnelResult &moved) {
                      self->end_tunnel(moved);
                      self->end_record();
                  });
    co_return Next::relayed;
}

void Session::end_tunnel(const TunnelResult &moved) {
    engine_->counters->active_tunnels.sub();
    record_.bytes_in = moved.bytes_in;
    record_.bytes_out = moved.bytes_out;
    if (moved.timed_out) {
        engine_->counters->errors_timeout.add();
        record_.problem = "idle for too long";
    }
}

// False: a rule blocks the target.
bool Session::choose_route(const Target &target, bool connect, std::string &refusal) {
    const Route route = settings_->route(target.host, target.port, connect);
    if (route.kind == Route::Kind::block) {
        engine_->counters->denied_targets.add();
        refusal = describe_block(target.authority, route);
        return false;
    }
    request_.upstream = route.upstream;
    request_.rule = route.rule;
    if (record_.open) {
        record_.route = route.upstream != nullptr ? route.upstream->display() : "direct";
    }
    return true;
}

DialRequest Session::dial_request(const Target &target) const {
    DialRequest request;
    request.host = target.host;
    request.port = target.port;
    request.upstream = request_.upstream;
    request.rule = request_.rule;
    request.remote_client = remote_;
    return request;
}

Task<Session::Next> Session::reply(unsigned status, std::string_view text, Next next) {
    record_.status = status;
    if (status >= 400) {
        record_.problem = text;
    }
    std::string out = "HTTP/1.1 " + std::to_string(status) + " ";
    out += reason_of(status);
    out += "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ";
    const std::string_view prefix = "httpproxy: ";
    out += std::to_string(prefix.size() + text.size() + 1);
    out += "\r\nVia: 1.1 ";
    out += engine_->via_name;
    if (next != Next::keep) {
        out += "\r\nConnection: close";
    } else if (request_.http10) {
        out += "\r\nConnection: keep-alive";
    }
    out += "\r\n\r\n";
    if (!request_.head_method) {
        out += prefix;
        out += text;
        out += '\n';
    }
    watchdog_.arm(settings_->config.header_timeout);
    const IoResult sent = co_await client_.write(out, std::string_view());
    co_return sent.ec ? Next::close : next;
}

// Closing while the client still sends would make its kernel drop the answer (RFC 9112 9.6).
Task<void> Session::linger() {
    in_.clear();
    watchdog_.arm(k_linger_time);
    const error_code ec = co_await client_.shutdown_send();
    size_t discarded = 0;
    while (!ec && discarded < k_linger_bytes) {
        in_.clear();
        const net::mutable_buffer room = in_.prepare(Buffer::k_small);
        const IoResult got = co_await client_.read_some(room);
        if (got.ec) {
            break;
        }
        discarded += got.bytes;
    }
}

void Session::begin_record(std::string_view method, std::string_view target) {
    record_.open = settings_->config.verbose || settings_->config.access_log;
    if (!record_.open) {
        return;
    }
    record_.time = std::chrono::system_clock::now();
    record_.start = Clock::now();
    record_.method = method;
    record_.target = target;
    record_.route.clear();
    record_.problem.clear();
    record_.referer.clear();
    record_.user_agent.clear();
    record_.protocol = {};
    record_.status = 0;
    record_.bytes_in = record_.bytes_out = 0;
    record_.reused = false;
}

void Session::note_agent() {
    if (!record_.open || !settings_->config.access_log) {
        return;
    }
    const HeadParser &head = engine_->parser;
    record_.protocol = head.minor_version() == 0 ? "HTTP/1.0" : "HTTP/1.1";
    for (const HeaderField &field : head.fields()) {
        if (iequals(field.name, "User-Agent")) {
            record_.user_agent = field.value;
        } else if (iequals(field.name, "Referer")) {
            record_.referer = field.value;
        }
    }
}

void Session::end_record() {
    if (!record_.open) {
        return;
    }
    record_.open = false;
    AccessEntry entry;
    entry.start = record_.time;
    const std::string client = text_of(peer_);
    entry.client = client;
    entry.protocol = record_.protocol;
    entry.referer = record_.referer;
    entry.user_agent = record_.user_agent;
    entry.method = record_.method;
    entry.target = record_.target;
    entry.route = record_.route.empty() ? std::string_view("-") : std::string_view(record_.route);
    entry.problem = record_.problem;
    entry.status = record_.status;
    entry.bytes_in = record_.bytes_in;
    entry.bytes_out = record_.bytes_out;
    entry.duration =
        std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - record_.start);
    entry.reused_upstream = record_.reused;
    engine_->observer->on_access(entry);
}

} // namespace k2s::httpproxy
