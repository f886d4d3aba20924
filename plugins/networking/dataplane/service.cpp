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

std::string Metric::label(std::string_view name, std::string_view value) {
    std::string out(name);
    out += "=\"";
    for (const char c : value) {
        if (c == '"' || c == '\\') {
            out += '\\';
        }
        out += c == '\n' ? ' ' : c;
    }
    out += '"';
    return out;
}

namespace {

/// A server and the thread that runs it.
struct Worker {
    /// Runs `body` on the loop's thread; the result can be waited for.
    template <class Body> auto run(Body body) {
        auto task = std::make_shared<std::packaged_task<decltype(body())()>>(std::move(body));
        auto result = task->get_future();
        boost::asio::post(io, [task] { (*task)(); });
        return result;
    }

    net::io_context io{1};
    net::executor_work_guard<Executor> work{io.get_executor()};
    std::unique_ptr<Server> server;
    k2s_handle thread = 0;
};

} // namespace

struct Service::Impl {
    Impl(const Host &given_host, std::string_view name)
        : host(given_host), instance(name), executor(host.find<k2s_executor>(K2S_EXECUTOR_ID)),
          metrics(host.find<k2s_metrics>(K2S_METRICS_ID)) {}

    // What is published: the sum over the workers.
    struct Value {
        Metric metric;
        std::vector<Metric> others; // of the further workers
        k2s_handle handle = 0;

        uint64_t get() const noexcept {
            uint64_t sum = metric.value->get();
            for (const Metric &other : others) {
                sum += other.value->get();
            }
            return sum;
        }
    };

    /// What the workers tell about themselves; each list comes from its own thread.
    struct Told {
        std::vector<Metric> metrics;
        std::vector<std::string> endpoints;
    };

    Status add_worker(const Make &make);
    Status lend();
    void take(std::vector<Told> told);
    void publish() const;
    Status reload_one(Worker &worker, std::string_view settings);

    const Host host;
    const std::string instance;
    const k2s_executor *const executor;
    const k2s_metrics *const metrics;
    std::string prefix;
    std::string settings; // what all workers run with
    std::vector<std::unique_ptr<Worker>> workers;
    std::vector<std::future<size_t>> drained; ///< of each worker, once a drain has begun
    k2s_handle timer = 0;
    mutable std::mutex mutex; ///< values, endpoints
    std::vector<Value> values;
    std::vector<std::string> endpoints;
};

Status Service::Impl::add_worker(const Make &make) {
    auto worker = std::make_unique<Worker>();
    auto server = make(worker->io);
    if (!server) {
        return server.error();
    }
    worker->server = std::move(*server);
    if (auto listening = worker->server->start(); !listening) {
        return listening.error();
    }
    workers.push_back(std::move(worker));
    return K2S_OK;
}

Status Service::Impl::lend() {
    const auto run = [](void *context) { static_cast<Worker *>(context)->io.run(); };
    const auto interrupt = [](void *context) { static_cast<Worker *>(context)->io.stop(); };
    for (const auto &worker : workers) {
        const int32_t lent = executor->lend(host.get(), to_abi(instance), run, interrupt,
                                            worker.get(), &worker->thread);
        if (lent < 0) {
            return Error{lent, "the host lends no thread for the proxy's event loop"};
        }
    }
    return K2S_OK;
}

void Service::Impl::take(std::vector<Told> told) {
    std::vector<Value> fresh;
    for (size_t i = 0; i < told[0].metrics.size(); ++i) {
        Value value{std::move(told[0].metrics[i]), {}, 0};
        for (size_t worker = 1; worker < told.size(); ++worker) {
            value.others.push_back(std::move(told[worker].metrics[i]));
        }
        if (metrics != nullptr) {
            const std::string own = Metric::label("service", instance);
            const std::string labels =
                value.metric.labels.empty() ? own : own + "," + value.metric.labels;
            const uint32_t kind =
                value.metric.kind == Metric::Kind::gauge ? K2S_METRIC_GAUGE : K2S_METRIC_COUNTER;
            const std::string name = fmt::format("{}_{}", prefix, value.metric.name);
            k2s_error error = make_error();
            if (metrics->open(host.get(), kind, to_abi(name), to_abi(value.metric.help),
                              to_abi(labels), nullptr, 0, &value.handle, &error) < 0) {
                host.log().warn("a metric is not available",
                                {{"metric", name}, {"reason", error.message}});
            }
        }
        fresh.push_back(std::move(value));
    }
    const std::lock_guard lock(mutex);
    values = std::move(fresh);
    endpoints = std::move(told[0].endpoints);
}

void Service::Impl::publish() const {
    const std::lock_guard lock(mutex);
    for (const Value &value : values) {
        metrics->set(host.get(), value.handle, static_cast<int64_t>(value.get()));
    }
}

Service::Service(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Service::~Service() {
    if (impl_->timer != 0) {
        impl_->executor->cancel(impl_->host.get(), impl_->timer);
    }
    for (const auto &worker : impl_->workers) {
        if (worker->thread != 0) {
            impl_->executor->join(impl_->host.get(), worker->thread, k_join_ms);
        }
    }
    for (const auto &worker : impl_->workers) {
        worker->server.reset();
    }
}

Status Service::start(const Host &host, std::string_view instance, std::string_view prefix,
                      std::string_view settings, const Make &make, std::unique_ptr<Service> &out) {
    auto impl = std::make_unique<Impl>(host, instance);
    if (impl->executor == nullptr) {
        return Error{K2S_E_UNSUPPORTED, "this host lends no threads (" K2S_EXECUTOR_ID ")"};
    }
    impl->prefix = prefix;
    impl->settings = settings;
    if (const Status first = impl->add_worker(make); !first.ok()) {
        return first;
    }
    while (impl->workers.size() < impl->workers.front()->server->workers()) {
        if (const Status next = impl->add_worker(make); !next.ok()) {
            return next;
        }
    }
    std::vector<Impl::Told> told;
    for (const auto &worker : impl->workers) {
        told.push_back({worker->server->metrics(), worker->server->endpoints()});
    }
    Impl &self = *impl;
    // From here on a failure has to take lent threads back: the destructor does.
    std::unique_ptr<Service> service(new Service(std::move(impl)));
    if (const Status lent = self.lend(); !lent.ok()) {
        return lent;
    }
    self.take(std::move(told));
    if (self.metrics != nullptr) {
        const auto tick = [](void *context) { static_cast<const Impl *>(context)->publish(); };
        self.executor->timer(host.get(), k_metrics_period_ms, k_metrics_period_ms, tick, &self,
                             &self.timer);
    }
    out = std::move(service);
    return K2S_OK;
}

Status Service::Impl::reload_one(Worker &worker, std::string_view with) {
    auto reloaded =
        worker.run([&worker, with = std::string(with)] { return worker.server->reload(with); });
    if (reloaded.wait_for(k_answer_deadline) != std::future_status::ready) {
        return no_answer();
    }
    const auto done = reloaded.get();
    return done ? Status(K2S_OK) : Status(done.error());
}

Status Service::reload(std::string_view settings) {
    Impl &impl = *impl_;
    for (size_t i = 0; i < impl.workers.size(); ++i) {
        const Status reloaded = impl.reload_one(*impl.workers[i], settings);
        if (!reloaded.ok()) {
            while (i-- > 0) {
                impl.reload_one(*impl.workers[i], impl.settings);
            }
            return reloaded;
        }
    }
    impl.settings = settings;
    std::vector<Impl::Told> told;
    for (const auto &worker : impl.workers) {
        told.push_back(worker
                           ->run([server = worker->server.get()] {
                               return Impl::Told{server->metrics(), server->endpoints()};
                           })
                           .get());
    }
    impl.take(std::move(told));
    return K2S_OK;
}

void Service::begin_drain(std::chrono::milliseconds deadline) {
    if (!impl_->drained.empty()) {
        return;
    }
    for (const auto &worker : impl_->workers) {
        const auto cut = std::make_shared<std::promise<size_t>>();
        impl_->drained.push_back(cut->get_future());
        boost::asio::post(worker->io, [server = worker->server.get(), deadline, cut] {
            server->drain(deadline, [cut](size_t count) { cut->set_value(count); });
        });
    }
}

Status Service::stop(std::chrono::milliseconds deadline) {
    begin_drain(deadline);
    size_t count = 0;
    for (auto &each : std::exchange(impl_->drained, {})) {
        if (each.wait_for(deadline + k_answer_deadline) != std::future_status::ready) {
            return no_answer();
        }
        count += each.get();
    }
    if (count > 0) {
        return Error{K2S_E_PARTIAL, fmt::format("{} connections were cut at the deadline", count)};
    }
    return K2S_OK;
}

std::string Service::status() const {
    const std::lock_guard lock(impl_->mutex);
    nlohmann::ordered_json result;
    result["addr"] = impl_->endpoints;
    for (const Impl::Value &value : impl_->values) {
        const Metric &metric = value.metric;
        result[metric.labels.empty() ? std::string(metric.name)
                                     : fmt::format("{}{{{}}}", metric.name, metric.labels)] =
            value.get();
    }
    return result.dump();
}

} // namespace k2s::dataplane
