// SPDX-License-Identifier: MIT
#include "settings.hpp"

#include "common/text.hpp"
#include "vocabulary.hpp"

namespace k2s::httpproxy {
namespace {

std::unexpected<Error> wrong(std::string message) {
    return std::unexpected(Error{K2S_E_CONFIG, std::move(message)});
}

std::expected<void, Error> parse_ranges(const std::vector<std::string> &texts,
                                        std::vector<Cidr> &out) {
    for (const std::string &text : texts) {
        auto range = Cidr::parse(text);
        if (!range) {
            return std::unexpected(std::move(range.error()));
        }
        out.push_back(*range);
    }
    return {};
}

std::expected<void, Error> parse_upstream(const Config &config, const std::string &url,
                                          std::optional<Upstream> &out) {
    if (trim(url).empty()) {
        return {};
    }
    UpstreamSpec spec{url, {}, {}, config.upstream_ca_file};
    if (url.find('@') == std::string::npos) { // what the URL says is meant for this one
        spec.credentials = config.upstream_credentials;
        spec.credentials_file = config.upstream_credentials_file;
    }
    auto upstream = make_upstream(spec);
    if (!upstream) {
        return std::unexpected(std::move(upstream.error()));
    }
    out = std::move(*upstream);
    return {};
}

std::expected<void, Error> check_numbers(const Config &config) {
    struct Bound {
        const char *name;
        size_t value, low, high;
    };
    for (const Bound &bound :
         {Bound{"max_header_bytes", config.max_header_bytes, 1024, 1024 * 1024},
          Bound{"max_uri_bytes", config.max_uri_bytes, 256, config.max_header_bytes},
          Bound{"min_upload_rate", config.min_upload_rate, 0, 1000000000},
          Bound{"max_connections", config.max_connections, 1, 1000000},
          Bound{"max_connections_per_client", config.max_connections_per_client, 1, 1000000},
          Bound{"max_idle_upstream", config.max_idle_upstream, 0, 100000},
          Bound{"max_idle_upstream_per_target", config.max_idle_upstream_per_target, 0, 100000}}) {
        if (bound.value < bound.low || bound.value > bound.high) {
            return wrong(std::string(bound.name) + " is " + std::to_string(bound.value) +
                         "; it must be from " + std::to_string(bound.low) + " to " +
                         std::to_string(bound.high));
        }
    }
    struct Span {
        const char *name;
        Config::Duration value;
    };
    for (const Span &span : {Span{"header_timeout", config.header_timeout},
                             Span{"keep_alive_timeout", config.keep_alive_timeout},
                             Span{"connect_timeout", config.connect_timeout},
                             Span{"exchange_idle_timeout", config.exchange_idle_timeout},
                             Span{"tunnel_idle_timeout", config.tunnel_idle_timeout},
                             Span{"upstream_idle_timeout", config.upstream_idle_timeout}}) {
        if (span.value < Config::Duration(10) || span.value > std::chrono::hours(24 * 30)) {
            return wrong(std::string(span.name) + " must be from 10 ms to 30 days");
        }
    }
    return {};
}

} // namespace

std::expected<std::shared_ptr<const Settings>, Error> Settings::check(Config config) {
    auto settings = std::make_shared<Settings>();
    if (auto ok = check_numbers(config); !ok) {
        return std::unexpected(std::move(ok.error()));
    }
    if (config.addr.empty()) {
        return wrong("no address to listen on: set addr, for example to 127.0.0.1:8181");
    }
    for (const std::string &text : config.addr) {
        auto address = ListenAddress::parse(text);
        if (!address) {
            return std::unexpected(std::move(address.error()));
        }
        settings->listen.push_back(std::move(*address));
    }
    for (auto [texts, out] :
         {std::pair{&config.allowed_cidrs, &settings->allowed_clients},
          std::pair{&config.allowed_destinations, &settings->allowed_destinations}}) {
        if (auto ok = parse_ranges(*texts, *out); !ok) {
            return std::unexpected(std::move(ok.error()));
        }
    }
    auto hosts = dataplane::read_hosts(config.hosts);
    if (!hosts) {
        return std::unexpected(std::move(hosts.error()));
    }
    settings->hosts = std::move(*hosts);
    const std::string &plain =
        config.forwardproxy.empty() ? config.http_proxy : config.forwardproxy;
    const std::string &connect =
        config.forwardproxy.empty() ? config.https_proxy : config.forwardproxy;
    if (auto ok = parse_upstream(config, plain, settings->upstream_plain); !ok) {
        return std::unexpected(std::move(ok.error()));
    }
    if (auto ok = parse_upstream(config, connect, settings->upstream_connect); !ok) {
        return std::unexpected(std::move(ok.error()));
    }
    auto routes = Routes::parse(config.routes);
    if (!routes) {
        return std::unexpected(std::move(routes.error()));
    }
    settings->routes = std::move(*routes);
    settings->no_proxy = NoProxy(config.no_proxy);
    settings->head_limits.head_bytes = config.max_header_bytes;
    settings->head_limits.target_bytes = config.max_uri_bytes;
    settings->config = std::move(config);
    return settings;
}

Route Settings::route(std::string_view host, uint16_t port, bool connect) const {
    if (!routes.empty()) {
        Subject subject(host, port);
        subject.drop_final_dot(); // "example.com." is no way around a rule for example.com
        if (const auto route = routes.find(subject)) {
            return *route;
        }
    }
    const auto &upstream = connect ? upstream_connect : upstream_plain;
    if (!upstream) {
        return {};
    }
    const std::string_view bypass = no_proxy.match(host, port);
    return bypass.empty() ? Route{Route::Kind::upstream, &*upstream, 0, {}}
                          : Route{Route::Kind::direct, nullptr, 0, bypass};
}

} // namespace k2s::httpproxy
