// SPDX-License-Identifier: MIT
// Everything at once, for the thread sanitizer and for the sum at the end.
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <thread>

#include <k2s/abi/draft/events.h>
#include <k2s/abi/draft/registry.h>
#include <k2s/abi/executor.h>
#include <k2s/abi/metrics.h>

#include "services/test/support.hpp"

using namespace k2s::core;
using namespace k2s::core::test;

namespace {

constexpr int k_threads = 3;
constexpr int k_rounds = 200;

struct Counted {
    std::atomic<int> tasks{0};
    std::atomic<int> offloaded{0};
    std::atomic<int> notices{0};
    int unguarded = 0; ///< only the strand protects it
};

struct Table {
    uint32_t struct_size = sizeof(Table);
} const k_table;

} // namespace

BOOST_FIXTURE_TEST_SUITE(stress, Fixture)

BOOST_AUTO_TEST_CASE(many_threads_on_one_plugin) {
    auto plugin = scope("p");
    const k2s_host *const host = plugin->host();
    const auto *executor = table<k2s_executor>(*plugin, K2S_EXECUTOR_ID);
    const auto *metrics = table<k2s_metrics>(*plugin, K2S_METRICS_ID);
    const auto *events = table<k2s_events>(*plugin, K2S_EVENTS_ID);
    Counted counted;
    k2s_handle metric = 0;
    k2s_handle subscription = 0;
    metrics->open(host, K2S_METRIC_COUNTER, str("n"), {}, {}, nullptr, 0, &metric, nullptr);
    events->subscribe(
        host, str("n"),
        [](void *context, k2s_str, k2s_str) {
            auto *self = static_cast<Counted *>(context);
            ++self->unguarded;
            ++self->notices;
        },
        &counted, &subscription);
    std::atomic<int> accepted{0};
    std::vector<std::thread> threads;
    for (int thread = 0; thread < k_threads; ++thread) {
        threads.emplace_back([&] {
            for (int i = 0; i < k_rounds; ++i) {
                executor->post(
                    host,
                    [](void *context) {
                        auto *self = static_cast<Counted *>(context);
                        ++self->unguarded;
                        ++self->tasks;
                    },
                    &counted);
                if (executor->offload(
                        host, [](void *context) { ++static_cast<Counted *>(context)->offloaded; },
                        &counted) == K2S_OK) {
                    ++accepted;
                }
                k2s_handle timer = 0;
                executor->timer(
                    host, static_cast<uint64_t>(i % 3), 1, [](void *) {}, nullptr, &timer);
                metrics->add(host, metric, 1);
                events->publish(host, str("n"), str("1"), nullptr);
                if (i % 50 == 0) {
                    const StrandGuard guard(plugin->strand(), "status");
                    ++counted.unguarded;
                }
                executor->cancel(host, timer);
            }
        });
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    BOOST_TEST(plugin->release_all(5s).empty());
    BOOST_TEST(counted.tasks == k_threads * k_rounds);
    BOOST_TEST(counted.offloaded == accepted);
    BOOST_TEST(counted.unguarded == counted.tasks + counted.notices + k_threads * k_rounds / 50);
}

BOOST_AUTO_TEST_CASE(plugins_come_and_go_while_others_use_them) {
    std::atomic<bool> stop{false};
    auto user = scope("user", {}, {{"c", "*"}});
    const auto *registry = table<k2s_registry>(*user, K2S_REGISTRY_ID);
    std::atomic<int> revoked{0};
    std::atomic<int> leased{0};
    std::thread leasing([&] {
        while (!stop) {
            const StrandGuard guard(user->strand(), "task");
            k2s_contract value{};
            k2s_handle lease = 0;
            if (registry->acquire(
                    user->host(), str("c"),
                    [](void *context) { ++*static_cast<std::atomic<int> *>(context); }, &revoked,
                    &value, &lease, nullptr) == K2S_OK) {
                ++leased;
                if (leased % 2 == 0) {
                    registry->release(user->host(), lease);
                    --leased;
                }
            }
        }
    });
    int provided = 0;
    for (int i = 0; i < 100; ++i) {
        auto provider = scope("provider", {{"c", "1.0.0"}});
        k2s_handle handle = 0;
        {
            const StrandGuard guard(provider->strand(), "create");
            provided += registry->provide(provider->host(), str("c"), {&k_table, nullptr}, &handle,
                                          nullptr) == K2S_OK;
        }
        std::this_thread::yield();
        BOOST_TEST(provider->release_all(5s).empty());
    }
    stop = true;
    leasing.join();
    BOOST_TEST(provided == 100);
    BOOST_TEST(services.registry.state().empty());
    BOOST_TEST(revoked == leased);
    BOOST_TEST(services.registry.handles_of(user->strand()).empty());
}

BOOST_AUTO_TEST_CASE(release_races_with_everything_a_plugin_does) {
    for (int round = 0; round < 20; ++round) {
        auto plugin = scope("p");
        const k2s_host *const host = plugin->host();
        std::atomic<bool> stop{false};
        std::thread busy([&] {
            const auto *executor = table<k2s_executor>(*plugin, K2S_EXECUTOR_ID);
            const auto *events = table<k2s_events>(*plugin, K2S_EVENTS_ID);
            const auto *metrics = table<k2s_metrics>(*plugin, K2S_METRICS_ID);
            while (!stop) {
                k2s_handle handle = 0;
                executor->post(host, [](void *) {}, nullptr);
                executor->timer(host, 0, 1, [](void *) {}, nullptr, &handle);
                executor->lend(host, str("t"), [](void *) {}, [](void *) {}, nullptr, &handle);
                events->subscribe(host, {}, [](void *, k2s_str, k2s_str) {}, nullptr, &handle);
                events->publish(host, str("n"), str("1"), nullptr);
                metrics->open(host, K2S_METRIC_GAUGE, str("g"), {}, {}, nullptr, 0, &handle,
                              nullptr);
            }
        });
        std::this_thread::sleep_for(2ms);
        BOOST_TEST(plugin->release_all(5s).empty());
        BOOST_TEST(services.events.handles_of(plugin->strand()).empty());
        BOOST_TEST(services.executor.timers_of(plugin->strand()).empty());
        BOOST_TEST(services.metrics.text(false).empty());
        stop = true;
        busy.join();
        BOOST_TEST(services.events.handles_of(plugin->strand()).empty());
        BOOST_TEST(services.executor.timers_of(plugin->strand()).empty());
        BOOST_TEST(services.metrics.text(false).empty());
    }
}

BOOST_AUTO_TEST_SUITE_END()
