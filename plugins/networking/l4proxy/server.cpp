// SPDX-License-Identifier: MIT
#include "l4proxy/server.hpp"

#include "dataplane/access_log.hpp"
#include "dataplane/service.hpp"
#include "l4proxy/forward.hpp"
#include "l4proxy/proxy.hpp"
#include "l4proxy/server_settings.hpp"

namespace k2s::l4proxy {
namespace {

using dataplane::AccessLog;
using dataplane::Metric;
using dataplane::Milliseconds;
using dataplane::Server;

class HostObserver final : public Observer {
  public:
    HostObserver(const Host &host, std::string_view instance) : log_(host, std::string(instance)) {}

    /// Null: no records.
    void record_to(std::shared_ptr<AccessLog> access_log) { access_log_ = std::move(access_log); }

    void on_log(LogLevel level, std::string_view message,
                std::initializer_list<LogField> fields) override {
        log_.log(level, message, fields);
    }
    bool wants_access() const override { return access_log_ != nullptr; }
    void on_access(const dataplane::AccessRecord &record) override {
        if (access_log_) {
            access_log_->write(record);
        }
    }

  private:
    dataplane::HostLog log_;
    std::shared_ptr<AccessLog> access_log_;
};

void add_forward(const std::shared_ptr<const Forward> &forward, std::vector<Metric> &out) {
    constexpr auto count = Metric::Kind::counter;
    constexpr auto gauge = Metric::Kind::gauge;
    const ForwardCounters &c = forward->counters;
    const std::string label = Metric::label("forward", forward->name());
    const auto add = [&](Metric::Kind kind, const char *name, const char *help,
                         const Counter &value) {
        out.push_back({kind, name, help, &value, label, forward});
    };
    add(gauge, "connections", "Connections now", c.active);
    add(count, "connections_total", "Connections", c.connections);
    add(count, "received_bytes_total", "Bytes from clients", c.bytes_in);
    add(count, "sent_bytes_total", "Bytes to clients", c.bytes_out);
    add(count, "denied_total", "Clients refused", c.denied);
    add(count, "limit_rejections_total", "Connections over a limit", c.rejected_limits);
    add(count, "proxy_header_errors_total", "Bad PROXY headers", c.errors_proxy_header);
    add(count, "connect_errors_total", "Failed attempts to connect", c.errors_connect);
    add(count, "unserved_total", "Connections without a target", c.errors_no_target);
    add(count, "timeouts_total", "Connections ended for being idle", c.errors_timeout);
    add(count, "loops_total", "Connections and UDP sessions that would have come back",
        c.errors_loop);
    if (forward->udp_counters) {
        const UdpCounters &u = *forward->udp_counters;
        add(gauge, "udp_sessions", "UDP sessions now", u.sessions);
        add(count, "udp_sessions_total", "UDP sessions", u.sessions_total);
        add(count, "udp_evicted_total", "UDP sessions ended for new ones", u.evicted);
        add(count, "udp_received_datagrams_total", "Datagrams from clients", u.client_datagrams);
        add(count, "udp_received_bytes_total", "Their bytes", u.client_bytes);
        add(count, "udp_sent_datagrams_total", "Datagrams to clients", u.target_datagrams);
        add(count, "udp_sent_bytes_total", "Their bytes", u.target_bytes);
        add(count, "udp_denied_total", "Datagrams of clients refused", u.denied);
        add(count, "udp_dropped_total", "Datagrams without a target or a socket", u.dropped);
        add(count, "udp_too_large_total", "Datagrams too large for the route", u.too_large);
        add(count, "udp_unreachable_total", "ICMP errors", u.unreachable);
    }
    add(count, "health_checks_total", "Active checks", forward->health->checks());
    add(count, "health_failures_total", "Active checks that failed", forward->health->failures());
    for (const auto &target : forward->balancer->targets()) {
        const std::string labels = label + "," + Metric::label("target", target->name());
        out.push_back({gauge, "target_connections", "Connections of a target now",
                       &target->active_counter(), labels, target});
        out.push_back({count, "target_connections_total", "Times that a target was chosen",
                       &target->chosen_counter(), labels, target});
        out.push_back({count, "target_failures_total", "Failed attempts with a target",
                       &target->failed_counter(), labels, target});
    }
}

class L4Server final : public Server {
  public:
    L4Server(net::io_context &io, std::shared_ptr<HostObserver> observer,
             std::unique_ptr<Proxy> proxy)
        : io_(io), observer_(std::move(observer)), proxy_(std::move(proxy)) {}
    ~L4Server() override { observer_->record_to(nullptr); }

    std::expected<void, Error> start() override { return proxy_->start(); }

    std::expected<void, Error> reload(std::string_view text) override {
        auto settings = read_settings(text);
        if (!settings) {
            return std::unexpected(std::move(settings.error()));
        }
        // Opened anew each time: whoever has renamed the file asks for a reload.
        auto access_log = AccessLog::open(io_, settings->access_log, observer_);
        if (!access_log) {
            return std::unexpected(std::move(access_log.error()));
        }
        auto reloaded = proxy_->reload(std::move(settings->config));
        if (reloaded) {
            observer_->record_to(std::move(*access_log));
        }
        return reloaded;
    }

    void drain(Milliseconds patience, std::function<void(size_t)> done) override {
        proxy_->drain(patience, std::move(done));
    }

    std::vector<std::string> endpoints() const override { return proxy_->endpoints(); }

    std::vector<Metric> metrics() const override {
        std::vector<Metric> out;
        for (const auto &forward : proxy_->forwards()) {
            add_forward(forward, out);
        }
        out.push_back({Metric::Kind::counter, "turned_away_total",
                       "Connections closed for lack of descriptors", &proxy_->turned_away()});
        out.push_back({Metric::Kind::gauge, "stocked_sockets",
                       "Sockets made ahead in other namespaces", &proxy_->stocked()});
        return out;
    }

    unsigned workers() const override { return proxy_->workers(); }

  private:
    net::io_context &io_;
    std::shared_ptr<HostObserver> observer_;
    std::unique_ptr<Proxy> proxy_;
};

} // namespace

std::expected<std::unique_ptr<Server>, Error> make_server(const Host &host,
                                                          std::string_view instance,
                                                          std::string_view settings,
                                                          net::io_context &io) {
    auto given = read_settings(settings);
    if (!given) {
        return std::unexpected(std::move(given.error()));
    }
    auto observer = std::make_shared<HostObserver>(host, instance);
    auto access_log = AccessLog::open(io, given->access_log, observer);
    if (!access_log) {
        return std::unexpected(std::move(access_log.error()));
    }
    auto proxy = Proxy::create(io, std::move(given->config), observer);
    if (!proxy) {
        return std::unexpected(std::move(proxy.error()));
    }
    observer->record_to(std::move(*access_log)); // it knows the observer, too: ~L4Server parts them
    return std::make_unique<L4Server>(io, std::move(observer), std::move(*proxy));
}

} // namespace k2s::l4proxy
