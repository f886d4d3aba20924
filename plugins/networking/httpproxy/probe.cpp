// SPDX-License-Identifier: MIT
#include "probe.hpp"

#include <boost/asio/co_spawn.hpp>

#include "common/text.hpp"
#include "dialer.hpp"
#include "target.hpp"
#include "tls_session.hpp"

namespace k2s::httpproxy {
namespace {

constexpr int k_denied = 5;
constexpr int k_not_found = 6;
constexpr int k_timeout = 7;
constexpr int k_failed = 1;

struct Url {
    enum class Kind : uint8_t { http, https, tunnel };
    Kind kind = Kind::http;
    std::string host;
    std::string authority; // as it stands in a Host field
    std::string path;
    uint16_t port = 0;

    bool connect() const noexcept { return kind != Kind::http; }
    std::string target() const {
        const bool v6 = host.find(':') != std::string::npos;
        return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
    }
};

std::expected<Url, Error> parse_url(const std::string &text) {
    const auto wrong = [&text](TargetError why) {
        return std::unexpected(Error{K2S_E_USAGE, "cannot test \"" + text +
                                                      "\": " + std::string(describe(why)) +
                                                      "; write http://host/path, https://host/path "
                                                      "or host:port"});
    };
    Url url;
    const size_t colon = text.find("://");
    if (text.empty() || colon == std::string::npos) {
        const auto target =
            text.empty() ? std::unexpected(TargetError::host) : parse_connect_target(text);
        if (!target) {
            return wrong(target.error());
        }
        url.kind = Url::Kind::tunnel;
        url.host = target->host;
        url.port = target->port;
        url.authority = target->authority;
        return url;
    }
    const bool https = iequals(text.substr(0, colon), "https");
    const std::string as_http = https ? "http" + text.substr(colon) : text;
    const auto target = parse_absolute_target(as_http, "GET");
    if (!target) {
        return wrong(target.error());
    }
    url.kind = https ? Url::Kind::https : Url::Kind::http;
    url.host = target->host;
    url.authority = target->authority;
    url.path = target->path.starts_with('?') ? "/" + std::string(target->path) : target->path;
    url.port = target->port;
    const size_t host_end = url.authority.size() - (url.authority.ends_with(']') ? 0 : 1);
    const bool has_port = url.authority.find(':', url.authority.find(']') != std::string::npos
                                                      ? url.authority.find(']')
                                                      : 0) < host_end;
    if (https && !has_port) {
        url.port = 443;
    }
    return url;
}

class Silent final : public Observer {
  public:
    void on_log(LogLevel, std::string_view, std::initializer_list<LogField>) override {}
    void on_access(const AccessEntry &) override {}
};

/// Puts the watchdog on a roster, so that its deadline is looked at.
class Client final : public Member {
  public:
    using Member::Member;
};

std::string why(const Settings &settings, const Route &route, bool connect) {
    const std::string item(route.item);
    if (route.rule != 0) {
        return "rule " + std::to_string(route.rule) + " of routes (" + item + ")";
    }
    if (!item.empty()) {
        return item == NoProxy::k_loopback ? std::string("targets on this host are always direct")
                                           : "the bypass list has " + item;
    }
    if (route.upstream == nullptr) {
        return connect ? "no rule matches, and no upstream is set for CONNECT"
                       : "no rule matches, and no upstream is set for plain requests";
    }
    return !settings.config.forwardproxy.empty() ? "no rule matches: forwardproxy"
           : connect                             ? "no rule matches: HTTPS_PROXY"
                                                 : "no rule matches: HTTP_PROXY";
}

DialRequest dial_request(const Url &url, const Route &route, const ProbeOptions &options) {
    DialRequest request;
    request.host = url.host;
    request.port = url.port;
    request.upstream = route.upstream;
    request.rule = route.rule;
    request.remote_client = options.client && !unmapped(*options.client).is_loopback();
    return request;
}

class Probe {
  public:
    Probe(std::shared_ptr<const Settings> settings, const ProbeOptions &options, Url url,
          ProbeReport &report)
        : options_(options), url_(std::move(url)), report_(report),
          engine_(io_, std::move(settings), std::make_shared<Silent>(),
                  std::make_shared<Counters>(), "k2s-httpproxy-test") {}

    void run(const Route &route) {
        for (const ListenAddress &at : engine_.settings->listen) { // the guard against loops
            const auto literal = parse_address(at.host);
            if (at.host.empty() || literal) {
                engine_.listeners.emplace_back(
                    literal ? *literal : Address(net::ip::address_v6::any()), at.port);
            }
        }
        engine_.roster->set_tick(Milliseconds(100));
        engine_.roster->start([this] {
            if (options_.stopped && options_.stopped()) {
                io_.stop();
            }
        });
        const auto began = Clock::now();
        report_.problem = "it was stopped";
        report_.exit_code = k_failed;
        net::co_spawn(io_.get_executor(), attempt(route), [this, began](std::exception_ptr) {
            report_.total = Clock::now() - began;
            engine_.roster->cut_all();
        });
        io_.run();
    }

  private:
    Task<void> attempt(Route route) {
        const auto member = std::make_unique<Client>(
            engine_.roster, options_.client.value_or(net::ip::address_v4::loopback()));
        Watchdog &watchdog = member->watchdog();
        DialReport dialing;
        DialRequest request = dial_request(url_, route, options_);
        request.report = &dialing;
        if (url_.connect() && route.upstream != nullptr) {
            request.tunnel_authority = url_.target();
        }
        auto dialed = co_await dial(engine_, *engine_.settings, request, watchdog);
        note_dial(dialing, dialed.has_value());
        if (!dialed) {
            report_.problem = dialed.error().message;
            report_.exit_code = code_of(dialed.error().status);
            co_return;
        }
        Connection &connection = **dialed;
        const Scoped<Stream> upstream(watchdog.upstream, connection.stream.get());
        watchdog.arm(engine_.settings->config.connect_timeout);
        std::string problem = co_await talk(connection, route);
        report_.exit_code = problem.empty() ? 0 : watchdog.expired() ? k_timeout : k_failed;
        report_.problem = watchdog.expired() && !problem.empty() ? "no answer in time" : problem;
    }

    void note_dial(const DialReport &dialing, bool connected) {
        for (const Address &address : dialing.addresses) {
            report_.addresses.push_back(address.to_string());
        }
        report_.resolve = dialing.resolve;
        if (connected) {
            report_.peer = text_of(dialing.peer);
            report_.connect = dialing.connect;
            if (report_.route == Route::Kind::upstream) {
                report_.upstream_ready = dialing.upstream;
            }
        }
    }

    int code_of(unsigned status) const {
        const bool unknown_name = engine_.counters->errors_resolve.get() != 0;
        return status == 403 || status == 508 ? k_denied
               : status == 504                ? k_timeout
               : unknown_name                 ? k_not_found
                                              : k_failed;
    }

    Task<std::string> talk(Connection &connection, const Route &route) {
        std::string problem;
        if (url_.kind == Url::Kind::tunnel) {
            co_return problem;
        }
        const std::string request = request_head(route);
        if (url_.kind == Url::Kind::http) {
            const auto asked = Clock::now();
            const IoResult sent = co_await connection.stream->write(request, std::string_view());
            IoResult got{sent.ec, 0};
            while (!got.ec && !read_status(connection.in, problem, asked)) {
                const net::mutable_buffer room = connection.in.prepare(Buffer::k_small);
                got = co_await connection.stream->read_some(room);
                connection.in.commit(got.bytes);
            }
            co_return got.ec ? "no answer: " + got.ec.message() : problem;
        }
        auto client = TlsClient::create(options_.ca_file);
        if (!client) {
            co_return client.error().message;
        }
        const auto began = Clock::now();
        TlsSession session(**client, *connection.stream, url_.host);
        problem = co_await session.handshake();
        if (!problem.empty()) {
            co_return "the target: " + problem;
        }
        report_.tls = session.version();
        report_.tls_ready = Clock::now() - began;
        const auto asked = Clock::now();
        const error_code sent = co_await session.write(request);
        IoResult got{sent, 0};
        Buffer in;
        while (!got.ec && !read_status(in, problem, asked)) {
            const net::mutable_buffer room = in.prepare(Buffer::k_small);
            got = co_await session.read_some(room);
            in.commit(got.bytes);
        }
        co_return got.ec ? "no answer: " + got.ec.message() : problem;
    }

    std::string request_head(const Route &route) const {
        const bool asks_proxy =
            !url_.connect() && route.upstream != nullptr && route.upstream->speaks_http();
        std::string out = "GET ";
        out += asks_proxy ? "http://" + url_.authority + url_.path : url_.path;
        out += " HTTP/1.1\r\nHost: " + url_.authority +
               "\r\nUser-Agent: k2s-httpproxy-test\r\nAccept: */*\r\nConnection: close\r\n";
        if (asks_proxy && !route.upstream->authorization.empty()) {
            out += "Proxy-Authorization: " + route.upstream->authorization + "\r\n";
        }
        return out + "\r\n";
    }

    /// False: more bytes are needed.
    bool read_status(const Buffer &in, std::string &problem, Clock::time_point asked) {
        if (in.empty()) {
            return false;
        }
        if (!report_.first_byte) {
            report_.first_byte = Clock::now() - asked;
        }
        const HeadStatus head =
            engine_.parser.parse_response(in.view(), engine_.settings->head_limits);
        if (head == HeadStatus::incomplete) {
            return false;
        }
        if (head != HeadStatus::complete) {
            problem = "malformed answer: " + std::string(describe(head));
            return true;
        }
        report_.status = engine_.parser.status_code();
        if (*report_.status == 407 && !report_.upstream.empty()) {
            problem = "the upstream proxy wants other credentials (407)";
        }
        return true;
    }

    const ProbeOptions &options_;
    const Url url_;
    ProbeReport &report_;
    net::io_context io_{1};
    Engine engine_;
};

} // namespace

std::expected<ProbeReport, Error> probe(std::shared_ptr<const Settings> settings,
                                        const ProbeOptions &options) {
    auto url = parse_url(options.url);
    if (!url) {
        return std::unexpected(std::move(url.error()));
    }
    ProbeReport report;
    report.target = url->target();
    report.method = url->connect() ? "CONNECT" : "GET";
    const Route route = settings->route(url->host, url->port, url->connect());
    report.route = route.kind;
    report.upstream = route.upstream != nullptr ? route.upstream->display() : std::string();
    report.reason = why(*settings, route, url->connect());
    report.client_allowed = !options.client || unmapped(*options.client).is_loopback() ||
                            any_contains(settings->allowed_clients, *options.client);
    if (!report.client_allowed) {
        report.problem = "the client " + options.client->to_string() +
                         " is in no network of allowed_cidrs: it gets 403";
        report.exit_code = k_denied;
    } else if (route.kind == Route::Kind::block) {
        report.problem = describe_block(report.target, route);
        report.exit_code = k_denied;
    } else if (auto refused = refuse_target(*settings, dial_request(*url, route, options))) {
        report.problem = std::move(refused->message);
        report.exit_code = k_denied;
    } else if (options.try_it) {
        Probe(std::move(settings), options, std::move(*url), report).run(route);
    }
    return report;
}

} // namespace k2s::httpproxy
