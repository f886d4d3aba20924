// SPDX-License-Identifier: MIT
#include "httpproxy/server.hpp"

#include "dataplane/service.hpp"
#include "httpproxy/proxy.hpp"
#include "httpproxy/server_settings.hpp"
#include "vocabulary.hpp"

namespace k2s::httpproxy {
namespace {

class HostObserver final : public Observer {
  public:
    HostObserver(const Host &host, std::string_view instance) : log_(host, std::string(instance)) {}

    void on_log(LogLevel level, std::string_view message,
                std::initializer_list<LogField> fields) override {
        log_.log(level, message, fields);
    }

    void on_access(const AccessEntry &entry) override {
        log_.host().log().info("request", {{"service", log_.instance()},
                                           {"client", entry.client},
                                           {"method", entry.method},
                                           {"target", entry.target},
                                           {"route", entry.route},
                                           {"status", entry.status},
                                           {"problem", entry.problem},
                                           {"bytes_in", entry.bytes_in},
                                           {"bytes_out", entry.bytes_out},
                                           {"us", entry.duration.count()}});
    }

  private:
    HostLog log_;
};

class HttpServer final : public Server {
  public:
    HttpServer(const Host &host, std::unique_ptr<Proxy> proxy)
        : host_(host), proxy_(std::move(proxy)), counters_(proxy_->stats()) {}

    std::expected<void, Error> start() override { return proxy_->start(); }

    std::expected<void, Error> reload(std::string_view settings) override {
        auto config = config_from_settings(settings, host_);
        if (!config) {
            return std::unexpected(std::move(config.error()));
        }
        return proxy_->reload(std::move(*config));
    }

    void drain(Milliseconds patience, std::function<void(size_t)> done) override {
        proxy_->drain(patience, std::move(done));
    }

    std::vector<std::string> endpoints() const override { return proxy_->endpoints(); }

    std::vector<Metric> metrics() const override {
        constexpr auto count = Metric::Kind::counter;
        constexpr auto gauge = Metric::Kind::gauge;
        const Counters &c = *counters_;
        return {
            {gauge, "connections", "Client connections now", &c.active_connections},
            {gauge, "tunnels", "Tunnels now", &c.active_tunnels},
            {count, "requests_total", "Requests", &c.requests},
            {count, "connections_total", "Client connections", &c.connections},
            {count, "tunnels_total", "Tunnels", &c.tunnels},
            {count, "received_bytes_total", "Bytes from clients", &c.bytes_in},
            {count, "sent_bytes_total", "Bytes to clients", &c.bytes_out},
            {count, "upstream_connects_total", "Connections opened", &c.upstream_connects},
            {count, "upstream_reuses_total", "Connections reused", &c.upstream_reuses},
            {count, "denied_clients_total", "Clients refused", &c.denied_clients},
            {count, "denied_targets_total", "Targets refused", &c.denied_targets},
            {count, "limit_rejections_total", "Connections over a limit", &c.rejected_limits},
            {count, "request_errors_total", "Malformed requests", &c.errors_request},
            {count, "upstream_errors_total", "Failed upstreams", &c.errors_upstream},
            {count, "connect_errors_total", "Failed connects", &c.errors_connect},
            {count, "timeouts_total", "Timeouts", &c.errors_timeout},
        };
    }

  private:
    Host host_;
    std::unique_ptr<Proxy> proxy_;
    std::shared_ptr<const Counters> counters_;
};

} // namespace

std::expected<std::unique_ptr<Server>, Error> make_server(const Host &host,
                                                          std::string_view instance,
                                                          std::string_view settings,
                                                          net::io_context &io) {
    auto config = config_from_settings(settings, host);
    if (!config) {
        return std::unexpected(std::move(config.error()));
    }
    auto proxy =
        Proxy::create(io, std::move(*config), std::make_shared<HostObserver>(host, instance));
    if (!proxy) {
        return std::unexpected(std::move(proxy.error()));
    }
    return std::make_unique<HttpServer>(host, std::move(*proxy));
}

} // namespace k2s::httpproxy
