// SPDX-License-Identifier: MIT
#include "httpproxy/service.hpp"

#include <array>
#include <future>
#include <mutex>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "httpproxy/proxy.hpp"
#include "httpproxy/service_settings.hpp"

namespace k2s::httpproxy {
namespace {

constexpr auto k_answer_deadline = std::chrono::seconds(10);
constexpr uint64_t k_metrics_period_ms = 2000;
constexpr uint64_t k_join_ms = 5000;

/// Brings what the engine tells into the host's log.
class LogObserver final : public Observer {
  public:
    LogObserver(const Host &host, std::string instance)
        : host_(host), instance_(std::move(instance)) {}

    void on_log(LogLevel level, std::string_view message,
                std::initializer_list<LogField> fields) override {
        static constexpr std::array<int32_t, 4> levels{K2S_LOG_DEBUG, K2S_LOG_INFO, K2S_LOG_WARN,
                                                       K2S_LOG_ERROR};
        const int32_t to = levels[static_cast<size_t>(level)];
        if (!host_.log().enabled(to)) {
            return;
        }
        std::vector<Field> list{{"service", instance_}};
        for (const auto &field : fields) {
            list.emplace_back(field.key, field.value);
        }
        host_.log().write(to, message, list.data(), list.size());
    }

    void on_access(const AccessEntry &entry) override {
        host_.log().info("request", {{"service", instance_},
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
    Host host_;
    std::string instance_;
};

struct Metric {
    uint32_t kind;
    const char *name;
    const char *help;
    Counter Counters::*counter;
};

constexpr uint32_t k_count = K2S_METRIC_COUNTER;
constexpr uint32_t k_gauge = K2S_METRIC_GAUGE;
constexpr std::array k_metrics{
    Metric{k_count, "httpproxy_connections_total", "Client connections", &Counters::connections},
    Metric{k_gauge, "httpproxy_connections", "Client connections now", &Counters::active_connections},
    Metric{k_count, "httpproxy_requests_total", "Requests", &Counters::requests},
    Metric{k_count, "httpproxy_tunnels_total", "Tunnels", &Counters::tunnels},
    Metric{k_gauge, "httpproxy_tunnels", "Tunnels now", &Counters::active_tunnels},
    Metric{k_count, "httpproxy_received_bytes_total", "Bytes from clients", &Counters::bytes_in},
    Metric{k_count, "httpproxy_sent_bytes_total", "Bytes to clients", &Counters::bytes_out},
    Metric{k_count, "httpproxy_upstream_connects_total", "Connections opened", &Counters::upstream_connects},
    Metric{k_count, "httpproxy_upstream_reuses_total", "Connections reused", &Counters::upstream_reuses},
    Metric{k_count, "httpproxy_denied_clients_total", "Clients refused", &Counters::denied_clients},
    Metric{k_count, "httpproxy_denied_targets_total", "Targets refused", &Counters::denied_targets},
    Metric{k_count, "httpproxy_limit_rejections_total", "Connections over a limit", &Counters::rejected_limits},
    Metric{k_count, "httpproxy_request_errors_total", "Malformed requests", &Counters::errors_request},
    Metric{k_count, "httpproxy_upstream_errors_total", "Failed upstreams", &Counters::errors_upstream},
    Metric{k_count, "httpproxy_connect_errors_total", "Failed connects", &Counters::errors_connect},
    Metric{k_count, "httpproxy_timeouts_total", "Timeouts", &Counters::errors_timeout},
};

} // namespace

struct Service::Impl {
    Impl(const Host &given_host, std::string_view name)
        : host(given_host), instance(name), executor(host.find<k2s_executor>(K2S_EXECUTOR_ID)),
          metrics(host.find<k2s_metrics>(K2S_METRICS_ID)),
          observer(std::make_shared<LogObserver>(host, instance)), work(io.get_executor()) {}

    /// Runs `body` on the loop's thread and waits for its result.
    template <class Body> auto on_loop(Body body) {
        auto task = std::make_shared<std::packaged_task<decltype(body())()>>(std::move(body));
        auto result = task->get_future();
        boost::asio::post(io, [task] { (*task)(); });
        return result;
    }

    void open_metrics();
    void publish() const;

    const Host host;
    const std::string instance;
    const k2s_executor *const executor;
    const k2s_metrics *const metrics;
    const std::shared_ptr<LogObserver> observer;
    boost::asio::io_context io{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work;
    std::unique_ptr<Proxy> proxy;
    std::shared_ptr<const Counters> counters;
    k2s_handle thread = 0;
    k2s_handle timer = 0;
    std::array<k2s_handle, k_metrics.size()> metric_handles{};
    mutable std::mutex mutex; ///< endpoints
    std::vector<std::string> endpoints;
};

void Service::Impl::open_metrics() {
    if (metrics == nullptr) {
        return;
    }
    const std::string labels = fmt::format("service=\"{}\"", instance);
    for (size_t i = 0; i < k_metrics.size(); ++i) {
        k2s_error error = make_error();
        if (metrics->open(host.get(), k_metrics[i].kind, to_abi(k_metrics[i].name),
                          to_abi(k_metrics[i].help), to_abi(labels), nullptr, 0,
                          &metric_handles[i], &error) < 0) {
            host.log().warn("a metric is not available",
                            {{"metric", k_metrics[i].name}, {"reason", error.message}});
        }
    }
    const auto tick = [](void *context) { static_cast<const Impl *>(context)->publish(); };
    executor->timer(host.get(), k_metrics_period_ms, k_metrics_period_ms, tick, this, &timer);
}

void Service::Impl::publish() const {
    for (size_t i = 0; i < k_metrics.size(); ++i) {
        const auto value = (counters.get()->*k_metrics[i].counter).get();
        metrics->set(host.get(), metric_handles[i], static_cast<int64_t>(value));
    }
}

Service::Service(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Service::~Service() {
    if (impl_->timer != 0) {
        impl_->executor->cancel(impl_->host.get(), impl_->timer);
    }
    if (impl_->thread != 0) {
        impl_->executor->join(impl_->host.get(), impl_->thread, k_join_ms);
    }
    impl_->proxy.reset();
}

Status Service::start(const Host &host, std::string_view instance, std::string_view settings,
                      std::unique_ptr<Service> &out) {
    auto config = config_from_settings(settings, host);
    if (!config) {
        return config.error();
    }
    auto impl = std::make_unique<Impl>(host, instance);
    if (impl->executor == nullptr) {
        return Error{K2S_E_UNSUPPORTED, "this host lends no threads (" K2S_EXECUTOR_ID ")"};
    }
    auto proxy = Proxy::create(impl->io, std::move(*config), impl->observer);
    if (!proxy) {
        return proxy.error();
    }
    impl->proxy = std::move(*proxy);
    if (auto listening = impl->proxy->start(); !listening) {
        return listening.error();
    }
    impl->counters = impl->proxy->stats();
    impl->endpoints = impl->proxy->endpoints();
    const auto run = [](void *context) { static_cast<Impl *>(context)->io.run(); };
    const auto interrupt = [](void *context) { static_cast<Impl *>(context)->io.stop(); };
    const int32_t lent = impl->executor->lend(host.get(), to_abi(impl->instance), run, interrupt,
                                              impl.get(), &impl->thread);
    if (lent < 0) {
        return Error{lent, "the host lends no thread for the proxy's event loop"};
    }
    impl->open_metrics();
    out.reset(new Service(std::move(impl)));
    return K2S_OK;
}

Status Service::reload(std::string_view settings) {
    auto config = config_from_settings(settings, impl_->host);
    if (!config) {
        return config.error();
    }
    Impl &impl = *impl_;
    auto reloaded = impl.on_loop(
        [&impl, config = std::move(*config)] { return impl.proxy->reload(config); });
    if (reloaded.wait_for(k_answer_deadline) != std::future_status::ready) {
        return Error{K2S_E_TIMEOUT, "the proxy's event loop does not answer"};
    }
    if (const auto done = reloaded.get(); !done) {
        return done.error();
    }
    auto endpoints = impl.on_loop([&impl] { return impl.proxy->endpoints(); });
    const std::lock_guard lock(impl.mutex);
    impl.endpoints = endpoints.get();
    return K2S_OK;
}

Status Service::stop(std::chrono::milliseconds deadline) {
    Impl &impl = *impl_;
    const auto cut = std::make_shared<std::promise<size_t>>();
    auto drained = cut->get_future();
    boost::asio::post(impl.io, [&impl, deadline, cut] {
        impl.proxy->drain(deadline, [cut](size_t count) { cut->set_value(count); });
    });
    if (drained.wait_for(deadline + k_answer_deadline) != std::future_status::ready) {
        return Error{K2S_E_TIMEOUT, "the proxy's event loop does not answer"};
    }
    const size_t count = drained.get();
    if (count > 0) {
        return Error{K2S_E_PARTIAL, fmt::format("{} connections were cut at the deadline", count)};
    }
    return K2S_OK;
}

std::string Service::status() const {
    nlohmann::ordered_json result;
    {
        const std::lock_guard lock(impl_->mutex);
        result["addr"] = impl_->endpoints;
    }
    const Counters &counters = *impl_->counters;
    result["connections"] = counters.active_connections.get();
    result["tunnels"] = counters.active_tunnels.get();
    result["requests_total"] = counters.requests.get();
    result["denied_total"] = counters.denied_clients.get() + counters.denied_targets.get();
    return result.dump();
}

} // namespace k2s::httpproxy
