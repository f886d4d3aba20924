// SPDX-License-Identifier: MIT
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <thread>

#include "services/test/support.hpp"

#include <k2s/abi/draft/events.h>
#include <k2s/abi/draft/registry.h>
#include <k2s/abi/executor.h>
#include <k2s/abi/metrics.h>

using namespace k2s::core;
using namespace k2s::core::test;

namespace {

struct Table {
    uint32_t struct_size = sizeof(Table);
} const k_table;

void append_revoked(void *context) {
    static_cast<Trace *>(context)->add("revoked");
}

/// What a plugin hands to lend().
struct Loop {
    Trace *trace;
    Latch stop;
    bool deaf = false;

    static void run(void *context) { static_cast<Loop *>(context)->stop.wait(); }
    static void interrupt(void *context) {
        auto *self = static_cast<Loop *>(context);
        self->trace->add("interrupted");
        if (!self->deaf) {
            self->stop.open();
        }
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(scope_, Fixture)

BOOST_AUTO_TEST_CASE(everything_is_taken_back_youngest_first) {
    Trace trace;
    auto provider = scope("provider", {{"c.one", "1.0.0"}, {"c.two", "1.0.0"}});
    auto user = scope("user", {}, {{"c.one", "*"}, {"c.two", "*"}});
    const auto *registry = table<k2s_registry>(*provider, K2S_REGISTRY_ID);
    const auto *executor = table<k2s_executor>(*provider, K2S_EXECUTOR_ID);
    const auto *events = table<k2s_events>(*provider, K2S_EVENTS_ID);
    const auto *metrics = table<k2s_metrics>(*provider, K2S_METRICS_ID);
    Loop loop{&trace, {}};
    k2s_handle handle = 0;
    struct Named {
        Trace *trace;
        const char *name;
        static void revoked(void *context) {
            auto *self = static_cast<Named *>(context);
            self->trace->add(self->name);
        }
    } one{&trace, "one"}, two{&trace, "two"};
    k2s_contract value{};
    {
        const StrandGuard guard(provider->strand(), "create");
        BOOST_TEST_REQUIRE(registry->provide(provider->host(), str("c.one"), {&k_table, nullptr},
                                             &handle, nullptr) == K2S_OK);
        BOOST_TEST_REQUIRE(executor->lend(provider->host(), str("loop"), Loop::run, Loop::interrupt,
                                          &loop, &handle) == K2S_OK);
        BOOST_TEST_REQUIRE(registry->provide(provider->host(), str("c.two"), {&k_table, nullptr},
                                             &handle, nullptr) == K2S_OK);
        BOOST_TEST_REQUIRE(executor->timer(
                               provider->host(), 3'600'000, 1, [](void *) {}, nullptr, &handle) ==
                           K2S_OK);
        BOOST_TEST_REQUIRE(events->subscribe(
                               provider->host(), str("x"), [](void *, k2s_str, k2s_str) {}, nullptr,
                               &handle) == K2S_OK);
        BOOST_TEST_REQUIRE(metrics->open(provider->host(), K2S_METRIC_GAUGE, str("g"), {}, {},
                                         nullptr, 0, &handle, nullptr) == K2S_OK);
    }
    {
        const StrandGuard guard(user->strand(), "create");
        BOOST_TEST_REQUIRE(registry->acquire(user->host(), str("c.one"), Named::revoked, &one,
                                             &value, &handle, nullptr) == K2S_OK);
        BOOST_TEST_REQUIRE(registry->acquire(user->host(), str("c.two"), Named::revoked, &two,
                                             &value, &handle, nullptr) == K2S_OK);
    }
    BOOST_TEST(provider->release_all(5s).empty());
    BOOST_TEST(trace.text() == "two interrupted one");
    BOOST_TEST(services.registry.state().empty());
    BOOST_TEST(services.registry.handles_of(user->strand()).empty());
    BOOST_TEST(services.executor.timers_of(provider->strand()).empty());
    BOOST_TEST(services.events.handles_of(provider->strand()).empty());
    BOOST_TEST(services.metrics.text(false).empty());
    BOOST_TEST(provider->closed());
    BOOST_TEST(!user->closed());
    BOOST_TEST(provider->release_all(5s).empty()); // nothing more to do
}

BOOST_AUTO_TEST_CASE(pending_tasks_run_at_the_end_and_are_dropped_after_a_failed_create) {
    for (const bool drop : {false, true}) {
        std::atomic<int> ran{0};
        auto plugin = scope("p");
        const auto *executor = table<k2s_executor>(*plugin, K2S_EXECUTOR_ID);
        const auto count = [](void *context) { ++*static_cast<std::atomic<int> *>(context); };
        std::vector<std::string> blockers;
        {
            const StrandGuard guard(plugin->strand(), "create");
            for (int i = 0; i < 3; ++i) {
                BOOST_TEST(executor->post(plugin->host(), count, &ran) == K2S_OK);
            }
            blockers = plugin->release_all(5s, drop ? PluginScope::Pending::drop
                                                    : PluginScope::Pending::run);
        }
        BOOST_TEST(blockers.empty());
        BOOST_TEST(ran == (drop ? 0 : 3));
        BOOST_TEST(executor->post(plugin->host(), count, &ran) == K2S_E_STATE);
        std::this_thread::sleep_for(5ms);
        BOOST_TEST(ran == (drop ? 0 : 3));
    }
}

BOOST_AUTO_TEST_CASE(offloaded_work_is_waited_for) {
    std::atomic<bool> ended{false};
    auto plugin = scope("p");
    const auto *executor = table<k2s_executor>(*plugin, K2S_EXECUTOR_ID);
    BOOST_TEST(executor->offload(
                   plugin->host(),
                   [](void *context) {
                       std::this_thread::sleep_for(30ms);
                       *static_cast<std::atomic<bool> *>(context) = true;
                   },
                   &ended) == K2S_OK);
    BOOST_TEST(plugin->release_all(5s).empty());
    BOOST_TEST(ended);
}

BOOST_AUTO_TEST_CASE(blockers_are_named) {
    Trace trace;
    auto plugin = scope("p", {{"c", "1.0.0"}});
    const auto *executor = table<k2s_executor>(*plugin, K2S_EXECUTOR_ID);
    Loop loop{&trace, {}, true};
    k2s_handle handle = 0;
    BOOST_TEST_REQUIRE(executor->lend(plugin->host(), str("deaf"), Loop::run, Loop::interrupt,
                                      &loop, &handle) == K2S_OK);
    BOOST_TEST(executor->join(plugin->host(), handle, 10) == K2S_E_TIMEOUT);
    auto blockers = plugin->release_all(20ms);
    BOOST_TEST_REQUIRE(blockers.size() == 1U);
    BOOST_TEST(blockers[0] == "plugin \"p\": thread \"deaf\" does not end after its interrupt");
    BOOST_TEST(trace.text() == "interrupted"); // once, in join
    loop.stop.open();
    BOOST_TEST(plugin->release_all(5s).empty());
}

BOOST_AUTO_TEST_CASE(a_busy_strand_is_a_blocker) {
    auto plugin = scope("p");
    Latch entered;
    Latch leave;
    plugin->strand().post([&] {
        entered.open();
        leave.wait();
    });
    BOOST_TEST_REQUIRE(entered.wait());
    const auto blockers = plugin->release_all(20ms);
    BOOST_TEST_REQUIRE(blockers.size() == 1U);
    BOOST_TEST(blockers[0].starts_with("plugin \"p\" is busy with \"task\" for "));
    leave.open();
    BOOST_TEST(plugin->release_all(5s).empty());
}

BOOST_AUTO_TEST_CASE(a_lessee_that_is_busy_is_a_blocker) {
    Trace trace;
    auto provider = scope("provider", {{"c", "1.0.0"}});
    auto user = scope("user", {}, {{"c", "*"}});
    const auto *registry = table<k2s_registry>(*provider, K2S_REGISTRY_ID);
    k2s_handle handle = 0;
    k2s_contract value{};
    {
        const StrandGuard guard(provider->strand(), "create");
        registry->provide(provider->host(), str("c"), {&k_table, nullptr}, &handle, nullptr);
    }
    Latch entered;
    Latch leave;
    {
        const StrandGuard guard(user->strand(), "create");
        BOOST_TEST_REQUIRE(registry->acquire(user->host(), str("c"), append_revoked, &trace, &value,
                                             &handle, nullptr) == K2S_OK);
    }
    user->strand().post([&] {
        entered.open();
        leave.wait();
    });
    BOOST_TEST_REQUIRE(entered.wait());
    const auto blockers = provider->release_all(20ms);
    BOOST_TEST_REQUIRE(blockers.size() == 1U);
    BOOST_TEST(blockers[0].find("still leased by plugin \"user\"") != std::string::npos);
    leave.open();
    BOOST_TEST(provider->release_all(5s).empty());
    BOOST_TEST(trace.text() == "revoked");
}

BOOST_AUTO_TEST_CASE(a_scope_that_goes_away_leaves_nothing) {
    Trace trace;
    Loop loop{&trace, {}};
    {
        auto plugin = scope("p");
        const auto *executor = table<k2s_executor>(*plugin, K2S_EXECUTOR_ID);
        k2s_handle handle = 0;
        executor->timer(plugin->host(), 0, 1, [](void *) {}, nullptr, &handle);
        executor->lend(plugin->host(), str("loop"), Loop::run, Loop::interrupt, &loop, &handle);
    }
    BOOST_TEST(trace.text() == "interrupted");
    auto again = scope("p"); // the id is free
    BOOST_TEST(!again->closed());
}

BOOST_AUTO_TEST_CASE(calls_off_the_strand_are_reported) {
    auto plugin = scope("p", {{"c", "1.0.0"}});
    const auto *registry = table<k2s_registry>(*plugin, K2S_REGISTRY_ID);
    k2s_handle handle = 0;
    {
        const StrandGuard guard(plugin->strand(), "create");
        BOOST_TEST(registry->provide(plugin->host(), str("c"), {&k_table, nullptr}, &handle,
                                     nullptr) == K2S_OK);
    }
    BOOST_TEST(!logged("[strand]"));
    BOOST_TEST(registry->withdraw(plugin->host(), handle) == K2S_OK); // works all the same
    BOOST_TEST(logged("p: broke a rule of the plugin ABI: k2s.registry/1 withdraw: is [strand]") ==
               services.check_threads());
}

BOOST_AUTO_TEST_CASE(services_are_cheap) {
    BOOST_TEST(!services.executor.running());
    auto plugin = scope("p");
    BOOST_TEST(!services.executor.running());
    BOOST_TEST(plugin->release_all(1s).empty());
    BOOST_TEST(!services.executor.running());

    constexpr int k_rounds = 200;
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < k_rounds; ++i) {
        Services fresh{Ports{}};
    }
    const auto each = (std::chrono::steady_clock::now() - start) / k_rounds;
    BOOST_TEST_MESSAGE("Services: " << std::chrono::nanoseconds(each).count() << " ns");
    BOOST_TEST((each < 1ms)); // 10 us is the aim; this is a slow or instrumented machine's bound
}

BOOST_AUTO_TEST_SUITE_END()
