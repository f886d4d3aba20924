// SPDX-License-Identifier: MIT
#include "session.hpp"

#include <charconv>

#include <boost/asio/co_spawn.hpp>

#include "common/text.hpp"
#include "dataplane/event.hpp"
#include "rewrite.hpp"
#include "vocabulary.hpp"

// Forwarding one absolute-form request and its answer.
namespace k2s::httpproxy {
namespace {

constexpr unsigned k_max_interim_answers = 64;

struct ScopedFlag {
    explicit ScopedFlag(bool &given) : flag(given) { flag = true; }
    ~ScopedFlag() { flag = false; }
    ScopedFlag(const ScopedFlag &) = delete;
    ScopedFlag &operator=(const ScopedFlag &) = delete;
    bool &flag;
};

// RFC 9110 9.2.2: only these may be sent again when a kept connection turns out to be dead.
bool is_idempotent(std::string_view method) noexcept {
    return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "TRACE" ||
           method == "PUT" || method == "DELETE";
}

} // namespace

// The request body on its way, beside the answer: an origin may answer before it has read it all.
struct Session::Upload {
    Upload(Session &session, Connection &connection)
        : relay(*session.engine_, *session.settings_, session.watchdog_, session.client_,
                session.in_, *connection.stream, session.engine_->counters->bytes_in),
          upstream(*connection.stream), head(session.head_out_), framing(session.request_.body),
          done(session.engine_->io) {}

    BodyRelay relay;
    Stream &upstream;
    std::string_view head;
    BodyFraming framing;
    RelayResult result;
    Event done;
    const Clock::time_point began = Clock::now();
    bool too_slow = false; // and ended for it
};

// A byte now and then keeps every time limit away: so there may be a least rate. Whether it was the
// reason cannot be left to the watchdog, which the next byte arms again.
void Session::end_slow_upload() {
    if (uploads_too_slowly()) {
        upload_->too_slow = true;
        watchdog_.check(Clock::time_point::max());
    }
}

bool Session::uploads_too_slowly() const {
    const Config &config = settings_->config;
    if (upload_ == nullptr || config.min_upload_rate == 0 || upload_->done.is_set() ||
        !upload_->relay.hungry()) {
        return false;
    }
    const Clock::duration elapsed = Clock::now() - upload_->began;
    const double seconds = std::chrono::duration<double>(elapsed).count();
    return elapsed > config.header_timeout &&
           static_cast<double>(upload_->relay.sent()) <
               seconds * static_cast<double>(config.min_upload_rate);
}

Task<void> Session::run_upload(Upload &upload) {
    upload.result = co_await upload.relay.run(upload.head, upload.framing);
    if (upload.result.end == RelayResult::End::source_failed ||
        upload.result.end == RelayResult::End::malformed) {
        upload.upstream.close(); // the request cannot be completed: wakes the reader of the answer
    }
}

Task<Session::Next> Session::forward(HeadParser &head) {
    request_.retryable = is_idempotent(head.method());
    if (head.chunked()) {
        request_.body.kind = BodyFraming::Kind::chunked;
    } else if (head.has_content_length() && head.content_length() != 0) {
        request_.body.kind = BodyFraming::Kind::length;
        request_.body.length = head.content_length();
    }
    const bool has_body = request_.body.kind != BodyFraming::Kind::none;
    request_.retryable = request_.retryable && !has_body;
    // h2c would switch to a protocol whose requests this proxy could not see.
    request_.upgrade = head.connection_upgrade() && !head.upgrade().empty() && !request_.http10 &&
                       !has_body && !iequals(head.upgrade(), "h2c");
    const Target &target = request_.target;
    std::string refusal;
    if (!choose_route(target, false, refusal)) {
        co_return co_await reply(403, refusal, Next::linger);
    }

    RequestRewrite how;
    // A SOCKS proxy leads to the origin itself.
    const bool asks_proxy = request_.upstream != nullptr && request_.upstream->speaks_http();
    how.absolute_form = asks_proxy;
    if (asks_proxy) {
        how.proxy_authorization = request_.upstream->authorization;
    }
    how.via_name = engine_->via_name;
    how.pass_upgrade = request_.upgrade;
    write_request_head(head_out_, head, target, how);

    host_ = target.host;
    if (asks_proxy) {
        key_ = request_.upstream->display();
    } else {
        // Local clients may reach more than remote ones, so the two never share a connection.
        char port[8];
        const auto [end, ec] = std::to_chars(port, port + sizeof port, target.port);
        static_cast<void>(ec);
        key_.assign(host_);
        for (char &c : key_) {
            c = ascii_lower(c);
        }
        key_ += remote_ ? ':' : '=';
        key_.append(port, end);
        if (request_.upstream != nullptr) {
            key_ += '|';
            key_ += request_.upstream->display();
        }
    }
    request_.target.host = host_;
    request_.target.authority = request_.target.path = {};
    in_.consume(head.size()); // the parser's views end here
    co_return co_await exchange();
}

Task<Session::Next> Session::exchange() {
    // A kept connection may die while the request is on its way. What cannot be sent again
    // therefore gets a connection of its own (RFC 9110 9.2.2, RFC 9112 9.3.1).
    bool use_pool = request_.retryable;
    for (;;) {
        std::unique_ptr<Connection> connection;
        if (use_pool) {
            connection = engine_->pool.take(key_);
        }
        record_.reused = connection != nullptr;
        if (connection) {
            engine_->counters->upstream_reuses.add();
        } else {
            const DialRequest where = dial_request(request_.target);
            deaf_ = true;
            auto dialed = co_await dial(*engine_, *settings_, where, watchdog_);
            deaf_ = false;
            if (!dialed) {
                if (watchdog_.cut()) {
                    co_return Next::close;
                }
                const bool keep =
                    request_.keep_alive && request_.body.kind == BodyFraming::Kind::none;
                co_return co_await reply(dialed.error().status, dialed.error().message,
                                         keep ? Next::keep : Next::linger);
            }
            connection = std::move(*dialed);
        }
        bool retry = false;
        bool reusable = false;
        Next next = Next::close;
        {
            const Scoped<Stream> upstream(watchdog_.upstream, connection->stream.get());
            if (watchdog_.cut()) {
                co_return Next::close;
            }
            next = co_await converse(*connection, record_.reused, retry, reusable);
        }
        if (retry) {
            use_pool = false;
            continue;
        }
        // What the settings forbid meanwhile was asked when dialling: it is not asked again.
        if (reusable && engine_->settings == settings_ && !engine_->roster->draining()) {
            engine_->pool.put(key_, std::move(connection), engine_->roster->clock().now);
        }
        co_return next;
    }
}

Task<Session::Next> Session::converse(Connection &connection, bool may_retry, bool &retry,
                                      bool &reusable) {
    watchdog_.arm(settings_->config.exchange_idle_timeout);
    if (request_.body.kind == BodyFraming::Kind::none) {
        const IoResult sent = co_await connection.stream->write(head_out_, std::string_view());
        if (sent.ec && may_retry) {
            retry = true;
            co_return Next::keep;
        }
        // After a failed write an early answer may still be readable.
        co_return co_await answer(connection, nullptr, may_retry, retry, reusable);
    }
    Upload upload(*this, connection);
    const Scoped<Upload> current(upload_, &upload);
    auto on_done = [&upload](std::exception_ptr problem) {
        if (problem) {
            upload.result.end = RelayResult::End::sink_failed;
        }
        upload.done.set();
    };
    net::co_spawn(engine_->io.get_executor(), run_upload(upload), on_done);
    Next next = co_await answer(connection, &upload, false, retry, reusable);
    if (!upload.done.is_set()) {
        // Answered before the whole request was read: neither side can be used for another one.
        connection.stream->close();
        upload.relay.stop();
        co_await upload.done.wait();
    }
    record_.bytes_in = upload.result.bytes;
    if (upload.result.end != RelayResult::End::complete) {
        reusable = false;
        next = next == Next::keep ? Next::linger : next;
    }
    co_return next;
}

Task<Session::Next> Session::answer(Connection &connection, Upload *upload, bool may_retry,
                                    bool &retry, bool &reusable) {
    for (unsigned interim = 0; interim < k_max_interim_answers; ++interim) {
        const AnswerHead got = co_await read_answer_head(connection);
        if (got != AnswerHead::ready) {
            if (got == AnswerHead::nothing && may_retry && interim == 0 && !watchdog_.expired() &&
                !watchdog_.cut()) {
                retry = true;
                co_return Next::keep;
            }
            co_return co_await answer_failed(got, upload);
        }
        const unsigned code = engine_->parser.status_code();
        if (code == 101) {
            if (!request_.upgrade || engine_->parser.upgrade().empty()) {
                co_return co_await answer_failed(AnswerHead::malformed, upload);
            }
            co_return co_await pass_upgrade(connection);
        }
        if (code >= 200) {
            co_return co_await pass_answer(connection, upload, reusable);
        }
        ResponseRewrite how;
        how.via_name = engine_->via_name;
        write_response_head(answer_out_, engine_->parser, how);
        connection.in.consume(engine_->parser.size());
        if (!request_.http10) { // RFC 9110 15.2: HTTP/1.0 knows no interim answers
            const IoResult sent = co_await client_.write(answer_out_, std::string_view());
            if (sent.ec) {
                co_return Next::close;
            }
        }
    }
    co_return co_await answer_failed(AnswerHead::malformed, upload);
}

Task<Session::AnswerHead> Session::read_answer_head(Connection &connection) {
    const ScopedFlag deaf(deaf_);
    for (;;) {
        const std::string_view data = connection.in.view();
        if (!data.empty()) {
            const HeadStatus status = engine_->parser.parse_response(data, settings_->head_limits);
            if (status == HeadStatus::complete) {
                co_return AnswerHead::ready;
            }
            if (status != HeadStatus::incomplete) {
                record_.problem = describe(status);
                co_return AnswerHead::malformed;
            }
        }
        const net::mutable_buffer room = connection.in.prepare(Buffer::k_small);
        const IoResult got = co_await connection.stream->read_some(room);
        if (got.ec) {
            co_return connection.in.empty() ? AnswerHead::nothing : AnswerHead::broken;
        }
        connection.in.commit(got.bytes);
    }
}

Task<Session::Next> Session::answer_failed(AnswerHead problem, Upload *upload) {
    if (watchdog_.cut()) {
        co_return Next::close;
    }
    const bool too_slow = upload != nullptr && upload->too_slow;
    if (watchdog_.expired() || too_slow) {
        engine_->counters->errors_timeout.add();
        if (upload != nullptr && (too_slow || !upload->done.is_set() ||
                                  upload->result.end == RelayResult::End::source_failed)) {
            co_return co_await reply(408, "the request body did not arrive in time", Next::linger);
        }
        co_return co_await reply(504, "no answer in time", Next::linger);
    }
    if (upload != nullptr && upload->done.is_set()) {
        if (upload->result.end == RelayResult::End::malformed) {
            engine_->counters->errors_request.add();
            co_return co_await reply(400, "the chunked request body is malformed", Next::linger);
        }
        if (upload->result.end == RelayResult::End::source_failed) {
            record_.problem = "the client ended in the middle of its request";
            co_return Next::close;
        }
    }
    engine_->counters->errors_upstream.add();
    if (problem == AnswerHead::malformed) {
        const std::string text =
            "malformed answer from the origin: " +
            (record_.problem.empty() ? std::string("unexpected interim answers") : record_.problem);
        co_return co_await reply(502, text, Next::linger);
    }
    co_return co_await reply(502,
                             problem == AnswerHead::nothing
                                 ? "the origin closed the connection without an answer"
                                 : "the origin closed the connection in the middle of its answer",
                             Next::linger);
}

Task<Session::Next> Session::pass_answer(Connection &connection, Upload *upload, bool &reusable) {
    const HeadParser &head = engine_->parser;
    const unsigned code = head.status_code();
    record_.status = code;
    if (code == 407 && request_.upstream != nullptr && request_.upstream->speaks_http()) {
        // Proxy-Authenticate is between us and the upstream; the client could not answer it.
        engine_->counters->errors_upstream.add();
        co_return co_await reply(
            502,
            request_.upstream->authorization.empty()
                ? "the upstream proxy wants credentials (407)"
                : "the upstream proxy refused the configured credentials (407)",
            Next::linger);
    }
    const bool no_body = request_.head_method || code == 204 || code == 304;
    BodyFraming framing;
    ResponseRewrite how;
    how.via_name = engine_->via_name;
    if (no_body) {
        how.content_length = head.has_content_length() && code != 204;
        how.chunked = head.chunked() && code != 204 && !request_.http10;
    } else if (head.chunked()) {
        framing.kind = BodyFraming::Kind::chunked;
        framing.unwrap_chunks = request_.http10;
        how.chunked = !request_.http10;
    } else if (head.has_content_length()) {
        framing.kind = BodyFraming::Kind::length;
        framing.length = head.content_length();
        how.content_length = true;
    } else {
        framing.kind = BodyFraming::Kind::until_close;
    }
    const bool delimited = framing.kind != BodyFraming::Kind::until_close && !framing.unwrap_chunks;
    const bool upload_over = upload == nullptr || upload->done.is_set();
    const bool keep_client =
        request_.keep_alive && delimited && upload_over && !engine_->roster->draining();
    const bool keep_upstream = framing.kind != BodyFraming::Kind::until_close &&
                               !head.ambiguous_length() && !head.connection_close() &&
                               (head.minor_version() >= 1 || head.connection_keep_alive());
    how.close = !keep_client;
    how.http10_keep_alive = keep_client && request_.http10;
    write_response_head(answer_out_, head, how);
    connection.in.consume(head.size()); // the parser's views end here

    BodyRelay relay(*engine_, *settings_, watchdog_, *connection.stream, connection.in, client_,
                    engine_->counters->bytes_out);
    const ScopedFlag deaf(deaf_);
    const RelayResult passed = co_await relay.run(answer_out_, framing);
    record_.bytes_out = passed.bytes;
    if (passed.end != RelayResult::End::complete) {
        // The head is out: only a closed connection can tell the client that the body is cut short;
        // where its end is that anyway, a reset.
        if (!delimited) {
            error_code ignored;
            client_.socket().set_option(net::socket_base::linger(true, 0), ignored);
        }
        if (passed.end != RelayResult::End::sink_failed && !watchdog_.cut()) {
            engine_->counters->errors_upstream.add();
            record_.problem = passed.end == RelayResult::End::malformed
                                  ? "malformed chunked body from the origin"
                                  : "the origin's answer was cut short";
        }
        co_return Next::close;
    }
    reusable = keep_upstream && (upload == nullptr || upload->done.is_set());
    co_return keep_client ? Next::keep : Next::linger;
}

Task<Session::Next> Session::pass_upgrade(Connection &connection) {
    ResponseRewrite how;
    how.via_name = engine_->via_name;
    how.pass_upgrade = true;
    write_response_head(answer_out_, engine_->parser, how);
    connection.in.consume(engine_->parser.size());
    record_.status = 101;
    const IoResult sent = co_await client_.write(answer_out_, connection.in.view());
    if (sent.ec) {
        co_return Next::close;
    }
    connection.in.consume(connection.in.size());
    co_return co_await tunnel_to(connection);
}

} // namespace k2s::httpproxy
