// SPDX-License-Identifier: MIT
#include "dataplane/service.hpp"

#include <array>
#include <future>
#include <mutex>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace k2s::dataplane {
namespace {

constexpr auto k_answer_deadline = std::chrono::seconds(10);
constexpr uint64_t k_metrics_period_ms = 2000;
constexpr uint64_t k_join_ms = 5000;

Error no_answer() {
    return {K2S_E_TIMEOUT, "the proxy's event loop does not answer"};
}

} // namespace

void HostLog::log(LogLevel level, std::string_view message,
                  std::initializer_list<LogField> fields) {
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

struct Service::Impl {
    Impl(const Host &given_host, std::string_view name)
        : host(given_host), instance(name), executor(host.find<k2s_executor>(K2S_EXECUTOR_ID)),
          metrics(host.find<k2s_metrics>(K2S_METRICS_ID)), work(io.get_executor()) {}

    /// Runs `body` on the loop's thread and waits for its result.
    template <class Body> auto on_loop(Body body) {
        auto task = std::make_shared<std::packaged_task<decltype(body())()>>(std::move(body));
        auto result = task->get_future();
        boost::asio::post(io, [task] { (*task)(); });
        return result;
    }

    void open_metrics(std::string_view prefix);
    void publish() const;

    const Host host;
    const std::string instance;
    const k2s_executor *const executor;
    const k2s_metrics *const metrics;
    net::io_context io{1};
    net::executor_work_guard<Executor> work;
    std::unique_ptr<Server> server;
    std::vector<Metric> values;
    std::vector<k2s_handle> metric_handles;
    k2s_handle thread = 0;
    k2s_handle timer = 0;
    mutable std::mutex mutex; ///< endpoints
    std::vector<std::string> endpoints;
};

void Service::Impl::open_metrics(std::string_view prefix) {
    if (metrics == nullptr) {
        return;
    }
    const std::string labels = fmt::format("service=\"{}\"", instance);
    metric_handles.resize(values.size());
    for (size_t i = 0; i < values.size(); ++i) {
        const uint32_t kind =
            values[i].kind == Metric::Kind::gauge ? K2S_METRIC_GAUGE : K2S_METRIC_COUNTER;
        const std::string name = fmt::format("{}_{}", prefix, values[i].name);
        k2s_error error = make_error();
        if (metrics->open(host.get(), kind, to_abi(name), to_abi(values[i].help), to_abi(labels),
                          nullptr, 0, &metric_handles[i], &error) < 0) {
            host.log().warn("a metric is not available",
                            {{"metric", name}, {"reason", error.message}});
        }
    }
    const auto tick = [](void *context) { static_cast<const Impl *>(context)->publish(); };
    executor->timer(host.get(), k_metrics_period_ms, k_metrics_period_ms, tick, this, &timer);
}

void Service::Impl::publish() const {
    for (size_t i = 0; i < values.size(); ++i) {
        metrics->set(host.get(), metric_handles[i], static_cast<int64_t>(values[i].value->get()));
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
    impl_->server.reset();
}

Status Service::start(const Host &host, std::string_view instance, std::string_view prefix,
                      const Make &make, std::unique_ptr<Service> &out) {
    auto impl = std::make_unique<Impl>(host, instance);
    if (impl->executor == nullptr) {
        return Error{K2S_E_UNSUPPORTED, "this host lends no threads (" K2S_EXECUTOR_ID ")"};
    }
    auto server = make(impl->io);
    if (!server) {
        return server.error();
    }
    impl->server = std::move(*server);
    if (auto listening = impl->server->start(); !listening) {
        return listening.error();
    }
    impl->values = impl->server->metrics();
    impl->endpoints = impl->server->endpoints();
    const auto run = [](void *context) { static_cast<Impl *>(context)->io.run(); };
    const auto interrupt = [](void *context) { static_cast<Impl *>(context)->io.stop(); };
    const int32_t lent = impl->executor->lend(host.get(), to_abi(impl->instance), run, interrupt,
                                              impl.get(), &impl->thread);
    if (lent < 0) {
        return Error{lent, "the host lends no thread for the proxy's event loop"};
    }
    impl->open_metrics(prefix);
    out.reset(new Service(std::move(impl)));
    return K2S_OK;
}

Status Service::reload(std::string_view settings) {
    Impl &impl = *impl_;
    auto reloaded = impl.on_loop(
        [&impl, settings = std::string(settings)] { return impl.server->reload(settings); });
    if (reloaded.wait_for(k_answer_deadline) != std::future_status::ready) {
        return no_answer();
    }
    if (const auto done = reloaded.get(); !done) {
        return done.error();
    }
    auto endpoints = impl.on_loop([&impl] { return impl.server->endpoints(); });
    const std::lock_guard lock(impl.mutex);
    impl.endpoints = endpoints.get();
    return K2S_OK;
}

Status Service::stop(std::chrono::milliseconds deadline) {
    Impl &impl = *impl_;
    const auto cut = std::make_shared<std::promise<size_t>>();
    auto drained = cut->get_future();
    boost::asio::post(impl.io, [&impl, deadline, cut] {
        impl.server->drain(deadline, [cut](size_t count) { cut->set_value(count); });
    });
    if (drained.wait_for(deadline + k_answer_deadline) != std::future_status::ready) {
        return no_answer();
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
    for (const Metric &metric : impl_->values) {
        result[metric.name] = metric.value->get();
    }
    return result.dump();
}

} // namespace k2s::dataplane
