// SPDX-License-Identifier: MIT
#include "dialer.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/ip/udp.hpp>

#include "common/text.hpp"
#include "dataplane/connect_race.hpp"
#include "destination.hpp"
#include "socks5.hpp"
#include "tls.hpp"

namespace k2s::httpproxy {
namespace {

using DialResult = std::expected<std::unique_ptr<Connection>, DialError>;

std::string quoted(const std::string &host, uint16_t port) {
    const bool v6 = host.find(':') != std::string::npos;
    return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::string describe_refusal(const std::string &target, AddressClass kind) {
    return target + " is " + std::string(describe(kind)) +
           " of the proxy's host, which remote clients may not reach (see allowed_destinations)";
}

std::string describe_protected(const std::string &target) {
    return target + " is an administrative port of the proxy's host, which remote clients may not "
                    "reach (see protected_ports)";
}

/// Whether remote clients may not reach `to`, should it be this host's.
bool is_protected(const Settings &settings, const Endpoint &to) {
    const std::vector<uint16_t> &ports = settings.config.protected_ports;
    return std::find(ports.begin(), ports.end(), to.port()) != ports.end() &&
           !any_contains(settings.allowed_destinations, to.address());
}

/// This host's address of connections to `to`; nothing is sent.
Address address_towards(const Address &to) {
    net::io_context none;
    net::ip::udp::socket socket(none);
    error_code ec;
    socket.connect({to, 9}, ec); // discard: any port does
    const auto local = socket.local_endpoint(ec);
    return ec ? Address() : unmapped(local.address());
}

/// RFC 6761 6.3: it and all names below it are this host, or the upstream's.
bool is_localhost(std::string_view host) {
    if (host.ends_with('.')) {
        host.remove_suffix(1);
    }
    constexpr std::string_view k_name = "localhost";
    return host.size() >= k_name.size() &&
           iequals(host.substr(host.size() - k_name.size()), k_name) &&
           (host.size() == k_name.size() || host[host.size() - k_name.size() - 1] == '.');
}

class Dial {
  public:
    Dial(Engine &engine, const Settings &settings, const DialRequest &request, Watchdog &watchdog)
        : engine_(engine), settings_(settings), request_(request), watchdog_(watchdog),
          host_(request.upstream != nullptr ? request.upstream->host : request.host),
          port_(request.upstream != nullptr ? request.upstream->port : request.port),
          deadline_(Clock::now() + settings.config.connect_timeout) {}

    Task<DialResult> run() {
        if (auto refused = refuse_target(settings_, request_)) {
            engine_.counters->denied_targets.add();
            co_return std::unexpected(std::move(*refused));
        }
        watchdog_.arm(left());
        auto began = Clock::now();
        Resolution names = co_await engine_.resolver.resolve(host_, watchdog_);
        if (request_.report != nullptr) {
            request_.report->addresses = names.addresses;
            request_.report->resolve = lap(began);
        }
        if (names.ec || names.addresses.empty()) {
            co_return std::unexpected(resolve_error(names.ec));
        }
        if (!keep_reachable(names.addresses)) {
            co_return std::unexpected(std::move(error_));
        }
        auto connection = std::make_unique<Connection>();
        if (!co_await connect_any(names.addresses, *connection)) {
            co_return std::unexpected(std::move(error_));
        }
        if (request_.report != nullptr) {
            request_.report->connect = lap(began);
        }
        if (request_.upstream != nullptr) {
            const Scoped<Stream> upstream(watchdog_.upstream, connection->stream.get());
            watchdog_.arm(left());
            std::string problem = co_await connection->stream->handshake();
            if (problem.empty() && !request_.upstream->speaks_http()) {
                problem = co_await socks5_connect(*connection->stream, connection->in,
                                                  *request_.upstream, request_.host, request_.port);
            } else if (problem.empty() && !request_.tunnel_authority.empty()) {
                problem = co_await open_tunnel(*connection);
            }
            if (!problem.empty()) {
                co_return std::unexpected(upstream_error(std::move(problem)));
            }
            if (request_.report != nullptr) {
                request_.report->upstream = lap(began);
            }
        }
        engine_.counters->upstream_connects.add();
        co_return connection;
    }

  private:
    Clock::duration left() const {
        return std::max<Clock::duration>(deadline_ - Clock::now(), Milliseconds(1));
    }

    static Clock::duration lap(Clock::time_point &since) {
        const auto before = std::exchange(since, Clock::now());
        return since - before;
    }

    std::string what() const {
        return (request_.upstream != nullptr ? "the upstream proxy " : "") + quoted(host_, port_);
    }

    DialError resolve_error(const error_code &ec) {
        if (ec == net::error::operation_aborted) {
            engine_.counters->errors_timeout.add();
            return {504, "looking up the name of " + what() + " took too long"};
        }
        engine_.counters->errors_resolve.add();
        return {502, "the name of " + what() + " cannot be resolved" +
                         (ec ? ": " + ec.message() : std::string())};
    }

    DialError upstream_error(std::string problem) {
        if (watchdog_.expired()) {
            engine_.counters->errors_timeout.add();
            return {504, what() + " did not answer in time"};
        }
        engine_.counters->errors_upstream.add();
        return {502, what() + ": " + problem};
    }

    // The operator's own upstream may be anywhere; targets may not.
    bool keep_reachable(std::vector<Address> &addresses) {
        return request_.upstream != nullptr ||
               (keep_unblocked(addresses) && keep_allowed(addresses));
    }

    bool keep_unblocked(std::vector<Address> &addresses) {
        if (settings_.routes.empty()) {
            return true;
        }
        Route refused;
        std::erase_if(addresses, [&](const Address &address) {
            const Route route = settings_.routes.find_block(address, port_, request_.rule);
            refused = route.kind == Route::Kind::block ? route : refused;
            return route.kind == Route::Kind::block;
        });
        if (addresses.empty()) {
            engine_.counters->denied_targets.add();
            error_ = {403, describe_block(what(), refused)};
        }
        return !addresses.empty();
    }

    bool keep_allowed(std::vector<Address> &addresses) {
        if (!request_.remote_client) {
            return true;
        }
        AddressClass refused = AddressClass::ordinary;
        std::erase_if(addresses, [&](const Address &address) {
            if (remote_client_may_reach(address, settings_.allowed_destinations)) {
                return false;
            }
            refused = classify(address);
            return true;
        });
        if (addresses.empty()) {
            engine_.counters->denied_targets.add();
            error_ = {403, describe_refusal(what(), refused)};
        }
        return !addresses.empty();
    }

    Task<bool> connect_any(const std::vector<Address> &addresses, Connection &connection) {
        std::vector<Endpoint> endpoints;
        for (const Address &address : addresses) {
            endpoints.emplace_back(address, port_);
        }
        watchdog_.arm(left());
        RaceResult race = co_await connect_race(engine_.io, endpoints, watchdog_);
        if (!race.stream) {
            engine_.resolver.forget(host_); // it may have moved: ask again next time
            if (watchdog_.expired()) {
                engine_.counters->errors_timeout.add();
                error_ = {504, "connecting to " + what() + " took too long"};
            } else {
                engine_.counters->errors_connect.add();
                error_ = {502, "cannot connect to " + what() + ": " + race.ec.message()};
            }
            co_return false;
        }
        if (engine_.is_own_listener(race.to, race.stream->handle())) {
            engine_.counters->denied_targets.add();
            error_ = {508, what() + " is this proxy itself"};
            co_return false;
        }
        // A connection with one address at both ends does not leave this host.
        if (request_.remote_client && request_.upstream == nullptr &&
            is_protected(settings_, race.to) &&
            unmapped(race.to.address()) == local_address(race.stream->handle())) {
            engine_.counters->denied_targets.add();
            error_ = {403, describe_protected(what())};
            co_return false;
        }
        if (request_.report != nullptr) {
            request_.report->peer = race.to;
        }
        connection.stream = wrap(std::move(race.stream));
        co_return true;
    }

    std::unique_ptr<Stream> wrap(std::unique_ptr<PlainStream> plain) {
        if (request_.upstream != nullptr && request_.upstream->verifier) {
            return request_.upstream->verifier->wrap(std::move(plain->socket()), host_);
        }
        return plain;
    }

    // RFC 9110 9.3.6. Empty when the tunnel stands; bytes after the answer stay in connection.in.
    Task<std::string> open_tunnel(Connection &connection) {
        std::string head = "CONNECT " + request_.tunnel_authority +
                           " HTTP/1.1\r\nHost: " + request_.tunnel_authority + "\r\n" +
                           request_.via;
        if (!request_.upstream->authorization.empty()) {
            head += "Proxy-Authorization: " + request_.upstream->authorization + "\r\n";
        }
        head += "\r\n";
        const IoResult sent = co_await connection.stream->write(head, std::string_view());
        if (sent.ec) {
            co_return "sending CONNECT failed: " + sent.ec.message();
        }
        for (unsigned interim = 0; interim < 16;) {
            HeadParser &parser = engine_.parser;
            const HeadStatus status =
                parser.parse_response(connection.in.view(), settings_.head_limits);
            if (status == HeadStatus::complete) {
                const unsigned code = parser.status_code();
                connection.in.consume(parser.size());
                if (code >= 200 && code < 300) {
                    co_return std::string();
                }
                if (code >= 200) {
                    co_return refusal(code);
                }
                ++interim;
                continue;
            }
            if (status != HeadStatus::incomplete) {
                co_return "malformed answer to CONNECT: " + std::string(describe(status));
            }
            const net::mutable_buffer room = connection.in.prepare(Buffer::k_small);
            const IoResult got = co_await connection.stream->read_some(room);
            if (got.ec) {
                co_return "no answer to CONNECT: " + got.ec.message();
            }
            connection.in.commit(got.bytes);
        }
        co_return std::string("too many interim answers to CONNECT");
    }

    std::string refusal(unsigned code) const {
        if (code == 407) {
            return request_.upstream->authorization.empty()
                       ? "it wants credentials (407): set upstream_credentials_file"
                       : "it refused the configured credentials (407)";
        }
        return "it refused the tunnel with status " + std::to_string(code);
    }

    Engine &engine_;
    const Settings &settings_;
    const DialRequest &request_;
    Watchdog &watchdog_;
    const std::string host_;
    const uint16_t port_;
    const Clock::time_point deadline_;
    DialError error_;
};

} // namespace

std::optional<DialError> refuse_target(const Settings &settings, const DialRequest &request) {
    if (!request.remote_client) {
        return std::nullopt;
    }
    const std::string target = quoted(request.host, request.port);
    const auto address = is_localhost(request.host)
                             ? std::optional<Address>(net::ip::address_v4::loopback())
                             : parse_address(request.host);
    if (address && !remote_client_may_reach(*address, settings.allowed_destinations)) {
        return DialError{403, describe_refusal(target, classify(*address))};
    }
    // A direct connection shows by itself where it ends.
    if (request.upstream != nullptr && address &&
        is_protected(settings, {*address, request.port}) &&
        unmapped(*address) == address_towards(*address)) {
        return DialError{403, describe_protected(target)};
    }
    return std::nullopt;
}

std::string describe_block(std::string_view target, const Route &route) {
    std::string text(target);
    text += " is blocked by rule " + std::to_string(route.rule) + " of routes (";
    text += route.item;
    text += ")";
    return text;
}

Task<DialResult> dial(Engine &engine, const Settings &settings, const DialRequest &request,
                      Watchdog &watchdog) {
    Dial operation(engine, settings, request, watchdog);
    co_return co_await operation.run();
}

} // namespace k2s::httpproxy
