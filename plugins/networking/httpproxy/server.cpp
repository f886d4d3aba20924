// SPDX-License-Identifier: MIT
#include "httpproxy/server.hpp"

#include "dataplane/access_log.hpp"
#include "dataplane/service.hpp"
#include "httpproxy/proxy.hpp"
#include "httpproxy/server_settings.hpp"
#include "vocabulary.hpp"

namespace k2s::httpproxy {
namespace {

class HostObserver final : public Observer {
  public:
    HostObserver(const Host &host, std::string_view instance) : log_(host, std::string(instance)) {}

    /// Where requests go from now on. Null: to no access log.
    void record(bool in_host_log, std::shared_ptr<AccessLog> access_log) {
        in_host_log_ = in_host_log;
        access_log_ = std::move(access_log);
    }

    void on_log(LogLevel level, std::string_view message,
                std::initializer_list<LogField> fields) override {
        log_.log(level, message, fields);
    }

    void on_access(const AccessEntry &entry) override {
        if (access_log_) {
            access_log_->write(entry);
        }
        if (!in_host_log_) {
            return;
        }
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
    bool in_host_log_ = false;
    std::shared_ptr<AccessLog> access_log_;
};

class HttpServer final : public Server {
  public:
    HttpServer(const Host &host, net::io_context &io, std::shared_ptr<HostObserver> observer,
               std::unique_ptr<Proxy> proxy)
        : host_(host), io_(io), observer_(std::move(observer)), proxy_(std::move(proxy)),
          counters_(proxy_->stats()) {}
    ~HttpServer() override { observer_->record(false, nullptr); }

    std::expected<void, Error> start() override { return proxy_->start(); }

    std::expected<void, Error> reload(std::string_view text) override {
        auto settings = read_settings(text, host_);
        if (!settings) {
            return std::unexpected(std::move(settings.error()));
        }
        // Opened anew each time: whoever has renamed the file asks for a reload.
        auto access_log = AccessLog::open(io_, settings->access_log, observer_);
        if (!access_log) {
            return std::unexpected(std::move(access_log.error()));
        }
        const bool verbose = settings->config.verbose;
        auto reloaded = proxy_->reload(std::move(settings->config));
        if (reloaded) {
            observer_->record(verbose, std::move(*access_log));
        }
        return reloaded;
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
    net::io_context &io_;
    std::shared_ptr<HostObserver> observer_;
    std::unique_ptr<Proxy> proxy_;
    std::shared_ptr<const Counters> counters_;
};

} // namespace

std::expected<std::unique_ptr<Server>, Error> make_server(const Host &host,
                                                          std::string_view instance,
                                                          std::string_view settings,
                                                          net::io_context &io) {
    auto given = read_settings(settings, host);
    if (!given) {
        return std::unexpected(std::move(given.error()));
    }
    auto observer = std::make_shared<HostObserver>(host, instance);
    auto access_log = AccessLog::open(io, given->access_log, observer);
    if (!access_log) {
        return std::unexpected(std::move(access_log.error()));
    }
    const bool verbose = given->config.verbose;
    auto proxy = Proxy::create(io, std::move(given->config), observer);
    if (!proxy) {
        return std::unexpected(std::move(proxy.error()));
    }
    observer->record(verbose, std::move(*access_log)); // it knows the observer, too: ~HttpServer
                                                       // parts them
    return std::make_unique<HttpServer>(host, io, std::move(observer), std::move(*proxy));
}

} // namespace k2s::httpproxy
